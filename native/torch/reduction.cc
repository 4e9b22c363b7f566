// Operations that combine the elements along axes.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_softmax.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/prod.h>
#include <ATen/ops/sum.h>

#include "operations.h"

namespace reduction {

/** Arguments are keepDims, the result's type, and the axes. */
template <typename Reduce>
void reduced(Call& call, Reduce reduce) {
  const auto axes = call.integers(2);
  const at::ScalarType type = call.type(1);
  const at::Tensor& x = call.in();
  call.out(axes.empty() ? x.to(type) : reduce(x, axes, call.flag(0), type));
}

void sum(Call& call) {
  reduced(call, [](const at::Tensor& x, const std::vector<int64_t>& axes, bool keep, at::ScalarType type) {
    return at::sum(x, axes, keep, type);
  });
}

void mean(Call& call) {
  reduced(call, [](const at::Tensor& x, const std::vector<int64_t>& axes, bool keep, at::ScalarType type) {
    return at::mean(x.to(type), axes, keep);
  });
}

void largest(Call& call) {
  reduced(call, [](const at::Tensor& x, const std::vector<int64_t>& axes, bool keep, at::ScalarType) {
    return at::amax(x, axes, keep);
  });
}

void smallest(Call& call) {
  reduced(call, [](const at::Tensor& x, const std::vector<int64_t>& axes, bool keep, at::ScalarType) {
    return at::amin(x, axes, keep);
  });
}

void product(Call& call) {
  reduced(call, [](at::Tensor x, const std::vector<int64_t>& axes, bool keep, at::ScalarType type) {
    // Axes ascend, so that those before are not moved where one is dropped.
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) x = at::prod(x, *axis, keep, type);
    return x;
  });
}

/** The first index of the extreme; what is no number is never one. */
void indexOfLargest(Call& call) {
  const at::Tensor& x = call.in();
  const at::Tensor numbers = x.is_floating_point() ? x.masked_fill(at::isnan(x), -INFINITY) : x.to(at::kInt);
  call.out(at::argmax(numbers, call.integer(0)).to(at::kInt));
}

void indexOfSmallest(Call& call) {
  const at::Tensor& x = call.in();
  const at::Tensor numbers = x.is_floating_point() ? x.masked_fill(at::isnan(x), INFINITY) : x.to(at::kInt);
  call.out(at::argmin(numbers, call.integer(0)).to(at::kInt));
}

void cumulativeSum(Call& call) { call.out(at::cumsum(call.in(), call.integer(0), call.in().scalar_type())); }

void softmax(Call& call) { call.out(at::_softmax(call.in(), -1, false)); }

const Operations& operations() {
  static const Operations operations = {
      {"sum", sum},         {"mean", mean},
      {"amax", largest},    {"amin", smallest},
      {"prod", product},    {"argmax", indexOfLargest},
      {"argmin", indexOfSmallest}, {"cumsum", cumulativeSum},
      {"softmax", softmax},
  };
  return operations;
}

}  // namespace reduction
