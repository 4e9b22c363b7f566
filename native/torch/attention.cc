// Scaled dot-product attention and its gradients, an image and head at a time, in the cache. Results lie in memory as the
// transpositions around them would put them, [B, N, H, D], so that these are views.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/Parallel.h>

#include "attention-kernels.h"
#include "gemm.h"
#include "operations.h"
#include "vector-math.h"

namespace attention {

at::Tensor dense(const at::Tensor& x) { return x.stride(-1) == 1 && isMatrix(x) ? x : x.contiguous(); }

bool isOurs(const Call& call) { return call.isOurs(call.in(0)) && call.in(0).numel() > 0 && hasGemm(); }

/** A tensor [B, H, N, D], and where the matrix of an image and head begins. */
struct Heads {
  float* data;
  int64_t image, head, row;
  explicit Heads(const at::Tensor& x)
      : data(static_cast<float*>(x.data_ptr())), image(x.stride(0)), head(x.stride(1)), row(x.size(2) == 1 ? x.size(3) : x.stride(2)) {}
  float* at(int64_t b, int64_t h) const { return data + b * image + h * head; }
};

/** By products and a softmax, on any device. */
void forwardComposed(Call& call) {
  const at::Tensor scores = at::matmul(at::mul(call.in(0), call.number(0)), call.in(1).transpose(-2, -1));
  at::Tensor weights = at::_softmax(scores, -1, false);
  call.out(at::matmul(weights, call.in(2)), 0);
  call.out(std::move(weights), 1);
}

void backwardComposed(Call& call) {
  const at::Tensor &dy = call.in(0), &weights = call.in(1);
  const at::Tensor errors = at::matmul(dy, call.in(4).transpose(-2, -1));
  const at::Tensor slopes = at::_softmax_backward_data(errors, weights, -1, weights.scalar_type());
  call.out(at::mul(at::matmul(slopes, call.in(3)), call.number(0)), 0);
  call.out(at::mul(at::matmul(slopes.transpose(-2, -1), call.in(2)), call.number(0)), 1);
  call.out(at::matmul(weights.transpose(-2, -1), dy), 2);
}

/**
 * (q, k, v) to (the result, softmax). Numbers: scale, and whether the softmax is read by others than the gradient, to which
 * kernels that do not keep it leave something else of three axes.
 */
void forward(Call& call) {
  if (!isOurs(call)) {
    const bool mayForget = !call.flag(1) && !call.isOurs(call.in(0));
    if (mayForget && forwardByTorch(call)) return;
    return forwardComposed(call);
  }
  const auto scale = static_cast<float>(call.number(0));
  const at::Tensor q = dense(call.in(0)), k = dense(call.in(1)), v = dense(call.in(2));
  const int64_t images = q.size(0), heads = q.size(1), n = q.size(2), width = q.size(3), m = k.size(2), depth = v.size(3);
  at::Tensor weights = at::empty({images, heads, n, m}, q.options());
  at::Tensor result = at::empty({images, n, heads, depth}, q.options()).permute({0, 2, 1, 3});
  const Heads queries(q), keys(k), values(v), shares(weights), out(result);
  at::parallel_for(0, images * heads, 1, [&](int64_t from, int64_t to) {
    for (int64_t index = from; index < to; index++) {
      const int64_t b = index / heads, h = index % heads;
      float* scores = shares.at(b, h);
      gemm(false, true, n, m, width, scale, queries.at(b, h), queries.row, keys.at(b, h), keys.row, 0, scores, m);
      for (int64_t row = 0; row < n; row++) softmaxInPlace(scores + row * m, m);
      gemm(false, false, n, depth, m, 1, scores, m, values.at(b, h), values.row, 0, out.at(b, h), out.row);
    }
  });
  call.out(std::move(result), 0);
  call.out(std::move(weights), 1);
}

/** (dy, softmax, q, k, v, the result) to the gradients by q, k and v; scale. Kernels of ours do without the result. */
void backward(Call& call) {
  if (call.in(1).dim() == 3) return backwardByTorch(call);
  if (!isOurs(call)) return backwardComposed(call);
  const auto scale = static_cast<float>(call.number(0));
  const at::Tensor& given = call.in(0);
  const at::Tensor& weights = call.in(1);
  const at::Tensor dy = dense(given), q = dense(call.in(2)), k = dense(call.in(3)), v = dense(call.in(4));
  const at::Tensor shares = weights.contiguous();
  const int64_t images = q.size(0), heads = q.size(1), n = q.size(2), width = q.size(3), m = k.size(2), depth = v.size(3);
  const bool isOne = n == m && width == depth;
  // Of self-attention, one tensor [B, N, 3, H, D]: what stacks the three finds them stacked.
  const at::Tensor all = isOne ? at::empty({images, n, 3, heads, width}, q.options()) : at::Tensor();
  const auto part = [&](int64_t index, int64_t rows, int64_t columns) {
    const at::Tensor place = isOne ? all.select(2, index) : at::empty({images, rows, heads, columns}, q.options());
    return place.permute({0, 2, 1, 3});
  };
  at::Tensor dq = part(0, n, width), dk = part(1, m, width), dv = part(2, m, depth);
  const Heads errors(dy), queries(q), keys(k), values(v), softmax(shares), byQuery(dq), byKey(dk), byValue(dv);
  at::parallel_for(0, images * heads, 1, [&](int64_t from, int64_t to) {
    std::vector<float> slopes(static_cast<size_t>(n * m));
    for (int64_t index = from; index < to; index++) {
      const int64_t b = index / heads, h = index % heads;
      const float* share = softmax.at(b, h);
      const float* error = errors.at(b, h);
      gemm(true, false, m, depth, n, 1, share, m, error, errors.row, 0, byValue.at(b, h), byValue.row);
      gemm(false, true, n, m, depth, 1, error, errors.row, values.at(b, h), values.row, 0, slopes.data(), m);
      for (int64_t row = 0; row < n; row++) softmaxGradInPlace(slopes.data() + row * m, share + row * m, m);
      gemm(false, false, n, width, m, scale, slopes.data(), m, keys.at(b, h), keys.row, 0, byQuery.at(b, h), byQuery.row);
      gemm(true, false, m, width, n, scale, slopes.data(), m, queries.at(b, h), queries.row, 0, byKey.at(b, h), byKey.row);
    }
  });
  call.out(std::move(dq), 0);
  call.out(std::move(dk), 1);
  call.out(std::move(dv), 2);
}

const Operations& operations() {
  static const Operations operations = {{"attention", forward}, {"attention_grad", backward}};
  return operations;
}

}  // namespace attention
