#include "attention-kernels.h"

#include <torch/version.h>

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
#define HAS_ATTENTION
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>
#endif

namespace attention {

#ifdef HAS_ATTENTION

/** Numbers of torch's SDPBackend. */
enum class Kernel : int64_t { NONE = 0, FLASH = 1, EFFICIENT = 2 };

/** What torch would take; its other kernels leave more than one tensor for the gradient. */
Kernel kernelFor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  const int64_t choice = at::_fused_sdp_choice(q, k, v, {}, 0, false, scale);
  if (choice == 0) return Kernel::NONE;
  // Their callers in torch pad rows of other extents.
  if (!q.is_cpu() && q.size(-1) % 8 != 0) return Kernel::NONE;
  const bool isHalf = q.scalar_type() == at::kHalf || q.scalar_type() == at::kBFloat16;
  return q.is_cpu() || (isHalf && choice != 2) ? Kernel::FLASH : Kernel::EFFICIENT;
}

/** Kernels want the elements of a row beside one another. */
at::Tensor rows(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

bool forwardByTorch(Call& call) {
  const at::Tensor q = rows(call.in(0)), k = rows(call.in(1)), v = rows(call.in(2));
  const double scale = call.number(0);
  const Kernel kernel = kernelFor(q, k, v, scale);
  if (kernel == Kernel::NONE) return false;
  if (q.is_cpu()) {
    auto [result, left] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0, false, {}, scale);
    call.out(std::move(result), 0);
    call.out(std::move(left), 1);
  } else if (kernel == Kernel::FLASH) {
    auto results = at::_scaled_dot_product_flash_attention(q, k, v, 0, false, false, scale);
    call.out(std::move(std::get<0>(results)), 0);
    call.out(std::move(std::get<1>(results)), 1);
  } else {
    auto results = at::_scaled_dot_product_efficient_attention(q, k, v, {}, true, 0, false, scale);
    call.out(std::move(std::get<0>(results)), 0);
    call.out(std::move(std::get<1>(results)), 1);
  }
  return true;
}

void backwardByTorch(Call& call) {
  const at::Tensor dy = rows(call.in(0)), &left = call.in(1);
  const at::Tensor q = rows(call.in(2)), k = rows(call.in(3)), v = rows(call.in(4)), &result = call.in(5);
  const double scale = call.number(0);
  const auto put = [&](const at::Tensor& byQuery, const at::Tensor& byKey, const at::Tensor& byValue) {
    call.out(byQuery, 0);
    call.out(byKey, 1);
    call.out(byValue, 2);
  };
  if (q.is_cpu()) {
    const auto [byQuery, byKey, byValue] =
        at::_scaled_dot_product_flash_attention_for_cpu_backward(dy, q, k, v, result, left, 0, false, {}, scale);
    return put(byQuery, byKey, byValue);
  }
  // The state of the generator of random numbers, of which nothing is dropped.
  const at::Tensor none = at::empty({}, q.options().dtype(at::kLong));
  if (kernelFor(q, k, v, scale) == Kernel::FLASH) {
    const auto [byQuery, byKey, byValue] = at::_scaled_dot_product_flash_attention_backward(
        dy, q, k, v, result, left, {}, {}, q.size(2), k.size(2), 0, false, none, none, scale);
    return put(byQuery, byKey, byValue);
  }
  const auto results = at::_scaled_dot_product_efficient_attention_backward(dy, q, k, v, {}, result, left, none, none, 0,
                                                                            {true, true, true, false}, false, scale);
  put(std::get<0>(results), std::get<1>(results), std::get<2>(results));
}

#else

bool forwardByTorch(Call&) { return false; }
void backwardByTorch(Call&) { throw std::logic_error("there is no kernel for attention that keeps no softmax"); }

#endif

}  // namespace attention
