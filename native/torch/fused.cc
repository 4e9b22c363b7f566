// Operations of networks that torch has one kernel for.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>

#include "operations.h"

namespace fused {

/** (x, gain, bias) to (y, mean, 1 / deviation), the statistics over the last axis and with extent 1 there. */
void layerNorm(Call& call) {
  const at::Tensor& x = call.in(0);
  auto [y, mean, inverse] = at::native_layer_norm(x, {x.size(-1)}, call.in(1), call.in(2), call.number(0));
  call.out(std::move(y), 0);
  call.out(std::move(mean), 1);
  call.out(std::move(inverse), 2);
}

/** (dy, x, mean, inverse, gain) to the gradients by x, and by gain and by bias if the numbers say so. */
void layerNormGrad(Call& call) {
  const at::Tensor& x = call.in(1);
  const bool byGain = call.flag(0), byBias = call.flag(1);
  const at::Tensor& gain = call.in(4);
  auto [dx, dGain, dBias] = at::native_layer_norm_backward(call.in(0).contiguous(), x.contiguous(), {x.size(-1)}, call.in(2),
                                                           call.in(3), gain, gain, {true, byGain, byBias});
  call.out(std::move(dx), 0);
  if (byGain) call.out(std::move(dGain), 1);
  if (byBias) call.out(std::move(dBias), byGain ? 2 : 1);
}

/** (dy, x) */
void geluGrad(Call& call) {
  const at::Tensor& dy = call.in(0);
  const bool fits = call.isReusable(0) && dy.sizes() == call.in(1).sizes();
  at::Tensor result = fits ? dy : at::empty({0}, call.in(1).options());
  at::gelu_backward_out(result, dy, call.in(1));
  call.out(std::move(result));
}

/** (dy, y) */
void softmaxGrad(Call& call) {
  call.out(at::_softmax_backward_data(call.in(0), call.in(1), -1, call.in(1).scalar_type()));
}

const Operations& operations() {
  static const Operations operations = {
      {"layer_norm", layerNorm},
      {"layer_norm_grad", layerNormGrad},
      {"gelu_grad", geluGrad},
      {"softmax_grad", softmaxGrad},
  };
  return operations;
}

}  // namespace fused
