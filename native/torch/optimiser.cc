// What an optimiser does to flat vectors, in one pass over memory.
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sum.h>
#include <ATen/Parallel.h>

#include <torch/version.h>

#include <cmath>

#include "operations.h"

// Since then it is there on every device, and takes the rate as a tensor.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
#define HAS_FUSED_ADAMW
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/square.h>
#endif

namespace optimiser {

/** Elements that a thread takes at a time: also the terms of a partial sum, so that sums do not depend on threads. */
constexpr int64_t SHARE = 1 << 15;

/** A vector that the new values of an input may be written to: its own memory where nothing else will see it. */
at::Tensor target(const Call& call, size_t index) {
  const at::Tensor& x = call.in(index);
  return call.isReusable(index) && x.is_contiguous() ? x : at::empty_like(x, x.options(), at::MemoryFormat::Contiguous);
}

bool isOurs(const Call& call) {
  for (size_t index = 0; index < 4; index++) {
    const at::Tensor& x = call.in(index);
    if (!call.isOurs(x) || !x.is_contiguous()) return false;
  }
  return true;
}

/** A tensor with an input's values that may be written over. */
at::Tensor writable(const Call& call, size_t index) {
  const at::Tensor& x = call.in(index);
  return call.isReusable(index) && x.is_contiguous() ? x : x.clone(at::MemoryFormat::Contiguous);
}

/** By torch's operations, on any device. */
void composed(Call& call) {
  const at::Tensor &p = call.in(0), &m = call.in(1), &v = call.in(2), &g = call.in(3);
  const at::Tensor nextM = at::add(at::mul(m, call.number(0)), g, call.number(1));
  const at::Tensor nextV = at::add(at::mul(v, call.number(2)), at::mul(g, g), call.number(3));
  const int64_t decayed = call.integer(5);
  at::Tensor next = p.clone();
  if (decayed > 0) next.narrow(0, 0, decayed).mul_(call.in(4));
  next.sub_(at::mul(at::div(nextM, at::add(at::div(at::sqrt(nextV), call.in(5)), call.number(4))), call.in(6)));
  call.out(next, 0);
  call.out(nextM, 1);
  call.out(nextV, 2);
}

#ifdef HAS_FUSED_ADAMW
/** Whether the weights of both averages add up to 1, as torch's kernel has them. */
bool isAveraging(const Call& call) {
  return std::abs(call.number(0) + call.number(1) - 1) < 1e-6 && std::abs(call.number(2) + call.number(3) - 1) < 1e-6;
}

/**
 * By torch's kernel, which corrects the averages' bias by the number of the step t: deviation = √(1 - β₂ᵗ) gives t, and
 * rate = lr / (1 - β₁ᵗ) gives lr. Where β₂ᵗ is lost in rounding, t is infinite and both corrections are 1, which they are.
 * Its decay is that of all parameters, so those that are decayed are multiplied before.
 */
void torchKernel(Call& call) {
  const double beta1 = call.number(0), beta2 = call.number(2);
  const int64_t decayed = call.integer(5);
  at::Tensor p = writable(call, 0), m = writable(call, 1), v = writable(call, 2);
  const at::Tensor g = call.in(3).contiguous();
  const at::Tensor powers = at::log1p(at::neg(at::square(call.in(5).to(at::kDouble))));
  const at::Tensor step = at::div(powers, std::log(beta2));
  const at::Tensor rate = at::mul(call.in(6), at::add(at::neg(at::pow(beta1, step)), 1)).to(at::kFloat).reshape({});
  if (decayed > 0) p.narrow(0, 0, decayed).mul_(call.in(4));
  at::_fused_adamw_({p}, {g}, {m}, {v}, {}, {step.to(at::kFloat).reshape({})}, rate, beta1, beta2, /*weight_decay=*/0,
                    call.number(4), /*amsgrad=*/false, /*maximize=*/false);
  call.out(std::move(p), 0);
  call.out(std::move(m), 1);
  call.out(std::move(v), 2);
}
#endif

void elsewhere(Call& call) {
#ifdef HAS_FUSED_ADAMW
  if (call.in(0).scalar_type() == at::kFloat && isAveraging(call)) return torchKernel(call);
#endif
  composed(call);
}

/**
 * (parameters, m, v, gradient, kept, deviation, rate) to new (parameters, m, v). Numbers: those that m and the gradient are
 * weighted by, those of v and the gradient's square, eps, and how many parameters are decayed.
 */
void adamw(Call& call) {
  if (!isOurs(call)) return elsewhere(call);
  const float m1 = static_cast<float>(call.number(0)), m2 = static_cast<float>(call.number(1));
  const float v1 = static_cast<float>(call.number(2)), v2 = static_cast<float>(call.number(3));
  const auto eps = static_cast<float>(call.number(4));
  const int64_t decayed = call.integer(5);
  const auto kept = call.in(4).item<float>(), deviation = call.in(5).item<float>(), rate = call.in(6).item<float>();
  const auto values = [&](size_t index) { return static_cast<const float*>(call.in(index).data_ptr()); };
  const float *p = values(0), *m = values(1), *v = values(2), *g = values(3);
  at::Tensor nextP = target(call, 0), nextM = target(call, 1), nextV = target(call, 2);
  auto* newP = static_cast<float*>(nextP.data_ptr());
  auto* newM = static_cast<float*>(nextM.data_ptr());
  auto* newV = static_cast<float*>(nextV.data_ptr());
  const int64_t size = call.in(0).numel();
  at::parallel_for(0, size, SHARE, [&](int64_t from, int64_t to) {
    const auto move = [&](int64_t begin, int64_t end, float factor) {
#pragma omp simd
      for (int64_t at = begin; at < end; at++) {
        const float first = m[at] * m1 + g[at] * m2;
        const float second = v[at] * v1 + g[at] * g[at] * v2;
        newP[at] = p[at] * factor - first / (std::sqrt(second) / deviation + eps) * rate;
        newM[at] = first;
        newV[at] = second;
      }
    };
    move(from, std::max(from, std::min(to, decayed)), kept);
    move(std::min(to, std::max(from, decayed)), to, 1);
  });
  call.out(std::move(nextP), 0);
  call.out(std::move(nextM), 1);
  call.out(std::move(nextV), 2);
}

void sumOfSquares(Call& call) {
  const at::Tensor& given = call.in();
  if (!call.isOurs(given)) return call.out(at::sum(at::mul(given, given)));
  const at::Tensor x = given.contiguous();
  const auto* data = static_cast<const float*>(x.data_ptr());
  const int64_t size = x.numel();
  std::vector<double> parts(static_cast<size_t>((size + SHARE - 1) / SHARE));
  at::parallel_for(0, static_cast<int64_t>(parts.size()), 1, [&](int64_t from, int64_t to) {
    for (int64_t part = from; part < to; part++) {
      const int64_t end = std::min(size, (part + 1) * SHARE);
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t at = part * SHARE; at < end; at++) sum += data[at] * data[at];
      parts[static_cast<size_t>(part)] = sum;
    }
  });
  double total = 0;
  for (const double part : parts) total += part;
  call.out(at::full({}, total, x.options()));
}

const Operations& operations() {
  static const Operations operations = {{"adamw", adamw}, {"sum_of_squares", sumOfSquares}};
  return operations;
}

}  // namespace optimiser
