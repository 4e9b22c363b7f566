// Matrix products. Those of float32 on a processor are shared out among torch's threads by rows, or by matrices.
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/Parallel.h>
#include <ATen/ExpandUtils.h>

#include "gemm.h"
#include "operations.h"

namespace matrix {

bool isOurs(const Call& call) { return call.isOurs(call.in(0)) && call.isOurs(call.in(1)) && hasGemm(); }

at::Tensor asMatrix(const at::Tensor& x) { return isMatrix(x) ? x : x.contiguous(); }

/** Rows that are worth a thread's while, and that a bias finds in the cache. */
constexpr int64_t ROWS = 256;

/** The product of two matrices, plus a vector if there is one. */
at::Tensor ofTwo(const at::Tensor& left, const at::Tensor& right, const at::Tensor& bias) {
  const at::Tensor a = asMatrix(left), b = asMatrix(right);
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  at::Tensor result = at::empty({m, n}, a.options());
  if (result.numel() == 0) return result;
  if (k == 0) return bias.defined() ? result.copy_(bias) : result.zero_();
  const Matrix x = matrixOf(a), y = matrixOf(b);
  const at::Tensor dense = bias.defined() ? bias.contiguous() : bias;
  const float* added = bias.defined() ? static_cast<const float*>(dense.data_ptr()) : nullptr;
  auto* out = static_cast<float*>(result.data_ptr());
  const int64_t threads = at::get_num_threads();
  const int64_t share = ((m + threads - 1) / threads + 15) / 16 * 16;
  at::parallel_for(0, (m + share - 1) / share, 1, [&](int64_t from, int64_t to) {
    const int64_t end = std::min(m, to * share);
    const int64_t block = added != nullptr ? ROWS : share;
    for (int64_t row = from * share; row < end; row += block) {
      const int64_t rows = std::min(block, end - row);
      float* first = out + row * n;
      const float* given = x.data + (x.isTransposed ? row : row * x.stride);
      gemm(x.isTransposed, y.isTransposed, rows, n, k, 1, given, x.stride, y.data, y.stride, 0, first, n);
      if (added == nullptr) continue;
      for (int64_t at = 0; at < rows; at++) {
        float* line = first + at * n;
        for (int64_t column = 0; column < n; column++) line[column] += added[column];
      }
    }
  });
  return result;
}

/** Where the matrices of a batch are. */
struct Batch {
  std::vector<int64_t> extents, strides;
  int64_t offset(int64_t index) const {
    int64_t sum = 0;
    for (size_t axis = extents.size(); axis-- > 0;) {
      sum += index % extents[axis] * strides[axis];
      index /= extents[axis];
    }
    return sum;
  }
};

Batch batchOf(const at::Tensor& x) {
  const auto axes = static_cast<size_t>(x.dim() - 2);
  return {x.sizes().slice(0, axes).vec(), x.strides().slice(0, axes).vec()};
}

at::Tensor ofMany(const at::Tensor& left, const at::Tensor& right) {
  const auto leading = [](const at::Tensor& x) { return x.sizes().slice(0, static_cast<size_t>(x.dim() - 2)); };
  std::vector<int64_t> shape = at::infer_size(leading(left), leading(right));
  const auto spread = [&](const at::Tensor& given) {
    const at::Tensor x = asMatrix(given);
    std::vector<int64_t> wanted = shape;
    wanted.push_back(x.size(-2));
    wanted.push_back(x.size(-1));
    return x.expand(wanted);
  };
  const at::Tensor a = spread(left), b = spread(right);
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  const int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
  shape.push_back(m);
  shape.push_back(n);
  at::Tensor result = at::empty(shape, a.options());
  const Matrix x = matrixOf(a), y = matrixOf(b);
  const Batch places = batchOf(a), others = batchOf(b);
  auto* out = static_cast<float*>(result.data_ptr());
  at::parallel_for(0, count, 1, [&](int64_t from, int64_t to) {
    for (int64_t at = from; at < to; at++)
      gemm(x.isTransposed, y.isTransposed, m, n, k, 1, x.data + places.offset(at), x.stride, y.data + others.offset(at),
           y.stride, 0, out + at * m * n, n);
  });
  return result;
}

at::Tensor transposed(const at::Tensor& x, bool isTransposed) { return isTransposed ? x.transpose(-2, -1) : x; }

/** transposeA, transposeB */
void product(Call& call) {
  const at::Tensor a = transposed(call.in(0), call.flag(0)), b = transposed(call.in(1), call.flag(1));
  if (!isOurs(call)) return call.out(at::matmul(a, b));
  if (a.dim() == 2 && b.dim() == 2) return call.out(ofTwo(a, b, {}));
  const bool isMany = a.dim() > 2 && b.dim() > 2 && a.numel() > 0 && b.numel() > 0;
  call.out(isMany ? ofMany(a, b) : at::matmul(a, b));
}

/** (x, weight, bias); transposeA, transposeB */
void linear(Call& call) {
  const at::Tensor a = transposed(call.in(0), call.flag(0)), b = transposed(call.in(1), call.flag(1));
  call.out(isOurs(call) ? ofTwo(a, b, call.in(2)) : at::addmm(call.in(2), a, b));
}

const Operations& operations() {
  static const Operations operations = {{"matmul", product}, {"linear", linear}};
  return operations;
}

}  // namespace matrix
