// What batch normalisation does to images [B, H, W, C], in few passes over them.
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/Parallel.h>

#include "operations.h"

namespace channels {

/** Elements that a thread takes at a time: also the terms of a partial sum, so that sums do not depend on threads. */
constexpr int64_t SHARE = 1 << 16;
/** Elements that a loop runs over: a multiple of the channels, long enough for vectors of them. */
constexpr int64_t LINE = 512;

bool isOurs(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() && x.numel() > 0 && x.size(-1) <= SHARE;
}

int64_t lineOf(int64_t count) { return count * std::max<int64_t>(1, LINE / count); }

/** A vector [C] again and again until it is as long as a line; empty where there is none. */
std::vector<float> repeated(const at::Tensor& vector, int64_t line) {
  if (!vector.defined()) return {};
  const at::Tensor dense = vector.contiguous();
  const auto* values = static_cast<const float*>(dense.data_ptr());
  std::vector<float> result(static_cast<size_t>(line));
  for (int64_t at = 0; at < line; at++) result[static_cast<size_t>(at)] = values[at % dense.numel()];
  return result;
}

/** An image that the result may be written to: the first of the inputs that nothing else will see. */
at::Tensor target(const Call& call, std::initializer_list<size_t> inputs) {
  for (const size_t index : inputs) {
    if (index < call.inputCount() && call.isReusable(index) && call.in(index).is_contiguous()) return call.in(index);
  }
  return at::empty_like(call.in(0), call.in(0).options(), at::MemoryFormat::Contiguous);
}

template <bool hasFactor, bool hasTerm, bool hasSum, bool isRelu>
void affineLine(float* out, const float* x, const float* factor, const float* term, const float* sum, int64_t count) {
#pragma omp simd
  for (int64_t at = 0; at < count; at++) {
    float value = x[at];
    if (hasFactor) value *= factor[at];
    if (hasTerm) value += term[at];
    if (hasSum) value += sum[at];
    // What is no number stays so.
    if (isRelu) value = value < 0 ? 0 : value;
    out[at] = value;
  }
}

using Line = void (*)(float*, const float*, const float*, const float*, const float*, int64_t);

template <bool a, bool b, bool c>
Line lineFor(bool isRelu) {
  return isRelu ? affineLine<a, b, c, true> : affineLine<a, b, c, false>;
}
template <bool a, bool b>
Line lineFor(bool hasSum, bool isRelu) {
  return hasSum ? lineFor<a, b, true>(isRelu) : lineFor<a, b, false>(isRelu);
}
Line lineFor(bool hasFactor, bool hasTerm, bool hasSum, bool isRelu) {
  if (hasFactor) return hasTerm ? lineFor<true, true>(hasSum, isRelu) : lineFor<true, false>(hasSum, isRelu);
  return hasTerm ? lineFor<false, true>(hasSum, isRelu) : lineFor<false, false>(hasSum, isRelu);
}

/** relu(x · factor + term + sum) of (x, factor, term, sum); numbers say which of the last three there are, and whether of relu. */
void affine(Call& call) {
  const bool hasFactor = call.flag(0), hasTerm = call.flag(1), hasSum = call.flag(2), isRelu = call.flag(3);
  const size_t termAt = 1 + hasFactor, sumAt = termAt + hasTerm;
  const at::Tensor& x = call.in(0);
  const bool isDense = isOurs(x) && (!hasSum || (isOurs(call.in(sumAt)) && call.in(sumAt).sizes() == x.sizes()));
  if (!isDense) {
    at::Tensor result = x;
    if (hasFactor) result = at::mul(result, call.in(1));
    if (hasTerm) result = at::add(result, call.in(termAt));
    if (hasSum) result = at::add(result, call.in(sumAt));
    return call.out(isRelu ? at::relu(result) : result);
  }
  const int64_t line = lineOf(x.size(-1)), size = x.numel();
  const auto factor = repeated(hasFactor ? call.in(1) : at::Tensor(), line);
  const auto term = repeated(hasTerm ? call.in(termAt) : at::Tensor(), line);
  const auto* values = static_cast<const float*>(x.data_ptr());
  const auto* added = hasSum ? static_cast<const float*>(call.in(sumAt).data_ptr()) : nullptr;
  at::Tensor result = hasSum ? target(call, {0, sumAt}) : target(call, {0});
  auto* out = static_cast<float*>(result.data_ptr());
  const Line move = lineFor(hasFactor, hasTerm, hasSum, isRelu);
  const int64_t share = std::max<int64_t>(1, SHARE / line) * line;
  at::parallel_for(0, (size + share - 1) / share, 1, [&](int64_t from, int64_t to) {
    const int64_t end = std::min(size, to * share);
    for (int64_t at = from * share; at < end; at += line)
      move(out + at, values + at, factor.data(), term.data(), hasSum ? added + at : nullptr, std::min(line, end - at));
  });
  call.out(std::move(result));
}

/** Sums [C] of what a function makes of the elements of one image or two, as means if the number says so. */
template <typename Make>
at::Tensor sums(const at::Tensor& a, const at::Tensor& b, bool isMean, Make make) {
  const int64_t count = a.size(-1), line = lineOf(count), size = a.numel();
  const int64_t share = std::max<int64_t>(1, SHARE / line) * line, shares = (size + share - 1) / share;
  const auto *x = static_cast<const float*>(a.data_ptr()), *y = static_cast<const float*>(b.data_ptr());
  std::vector<double> parts(static_cast<size_t>(shares * count));
  at::parallel_for(0, shares, 1, [&](int64_t from, int64_t to) {
    std::vector<float> lanes(static_cast<size_t>(line));
    for (int64_t part = from; part < to; part++) {
      std::fill(lanes.begin(), lanes.end(), 0.0f);
      const int64_t end = std::min(size, (part + 1) * share);
      for (int64_t start = part * share; start < end; start += line) {
        const int64_t width = std::min(line, end - start);
        const float *left = x + start, *right = y + start;
        float* lane = lanes.data();
#pragma omp simd
        for (int64_t at = 0; at < width; at++) lane[at] += make(left[at], right[at]);
      }
      double* total = parts.data() + part * count;
      for (int64_t at = 0; at < line; at++) total[at % count] += lanes[static_cast<size_t>(at)];
    }
  });
  at::Tensor result = at::empty({count}, a.options());
  auto* out = static_cast<float*>(result.data_ptr());
  const double divisor = isMean ? static_cast<double>(size / count) : 1;
  for (int64_t channel = 0; channel < count; channel++) {
    double total = 0;
    for (int64_t part = 0; part < shares; part++) total += parts[static_cast<size_t>(part * count + channel)];
    out[channel] = static_cast<float>(total / divisor);
  }
  return result;
}

/** Sums, or means if the number says so, over all but the channels, of (a, b)'s products. */
void products(Call& call) {
  const at::Tensor &a = call.in(0), &b = call.in(1);
  if (isOurs(a) && isOurs(b))
    return call.out(sums(a, b, call.flag(0), [](float x, float y) { return x * y; }));
  const at::Tensor total = at::sum(at::mul(a, b), {0, 1, 2});
  call.out(call.flag(0) ? at::div(total, static_cast<double>(a.numel() / a.size(-1))) : total);
}

/** The same of the elements themselves. */
void totals(Call& call) {
  const at::Tensor& x = call.in(0);
  if (isOurs(x)) return call.out(sums(x, x, call.flag(0), [](float value, float) { return value; }));
  const at::Tensor total = at::sum(x, {0, 1, 2});
  call.out(call.flag(0) ? at::div(total, static_cast<double>(x.numel() / x.size(-1))) : total);
}

/** (dy, y) to the gradient of y = relu(x) by x. */
void reluGrad(Call& call) {
  const at::Tensor &dy = call.in(0), &y = call.in(1);
  at::Tensor result = call.isReusable(0) && dy.sizes() == y.sizes() ? dy : at::empty({0}, y.options());
  at::threshold_backward_out(result, dy, y, 0);
  call.out(std::move(result));
}

const Operations& operations() {
  static const Operations operations = {
      {"channel_affine", affine},
      {"channel_products", products},
      {"channel_sums", totals},
      {"relu_grad", reluGrad},
  };
  return operations;
}

}  // namespace channels
