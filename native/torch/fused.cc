// Operations of networks that torch has one kernel for.
#include <ATen/core/Tensor.h>
#include <ATen/ops/native_layer_norm.h>

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

const Operations& operations() {
  static const Operations operations = {{"layer_norm", layerNorm}};
  return operations;
}

}  // namespace fused
