// Matrix products.
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>

#include "operations.h"

namespace matrix {

/** transposeA, transposeB */
void product(Call& call) {
  const at::Tensor a = call.flag(0) ? call.in(0).transpose(-2, -1) : call.in(0);
  const at::Tensor b = call.flag(1) ? call.in(1).transpose(-2, -1) : call.in(1);
  call.out(at::matmul(a, b));
}

const Operations& operations() {
  static const Operations operations = {{"matmul", product}};
  return operations;
}

}  // namespace matrix
