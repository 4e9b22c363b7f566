// Operations that move, repeat, select or reinterpret elements; views wherever torch has them.
#include <ATen/core/Tensor.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "operations.h"

namespace layout {

void reshape(Call& call) { call.out(call.in().reshape(call.integers(0))); }
void permute(Call& call) { call.out(call.in().permute(call.integers(0))); }
void expand(Call& call) { call.out(call.in().expand(call.integers(0))); }
void repeat(Call& call) { call.out(call.in().repeat(call.integers(0))); }
void flip(Call& call) { call.out(at::flip(call.in(), call.integers(0))); }
void select(Call& call) { call.out(call.in().select(call.integer(0), call.integer(1))); }
void narrow(Call& call) { call.out(call.in().narrow(call.integer(0), call.integer(1), call.integer(2))); }

/** (start, end, step) of every axis. */
void slice(Call& call) {
  at::Tensor x = call.in();
  for (int64_t axis = 0; axis < x.dim(); axis++) {
    const size_t at = 3 * static_cast<size_t>(axis);
    x = x.slice(axis, call.integer(at), call.integer(at + 1), call.integer(at + 2));
  }
  call.out(std::move(x));
}

/** The value, then (before, after) of every axis; torch wants the last axis first. */
void pad(Call& call) {
  const auto given = call.integers(1);
  std::vector<int64_t> pads;
  for (size_t axis = given.size() / 2; axis-- > 0;) {
    pads.push_back(given[2 * axis]);
    pads.push_back(given[2 * axis + 1]);
  }
  const at::Tensor& x = call.in();
  if (x.scalar_type() == at::kBool)
    return call.out(at::constant_pad_nd(x.to(at::kByte), pads, call.number(0) != 0 ? 1 : 0).to(at::kBool));
  if (!x.is_floating_point()) return call.out(at::constant_pad_nd(x, pads, call.integer(0)));
  call.out(at::constant_pad_nd(x, pads, call.number(0)));
}

std::vector<at::Tensor> inputsOf(const Call& call) {
  std::vector<at::Tensor> inputs;
  for (size_t index = 0; index < call.inputCount(); index++) inputs.push_back(call.in(index));
  return inputs;
}

void concatenate(Call& call) { call.out(at::cat(inputsOf(call), call.integer(0))); }

/** The stack of tensors that lie in memory as their stack would, as a view; otherwise undefined. */
at::Tensor stackedAlready(const std::vector<at::Tensor>& parts, int64_t axis) {
  const at::Tensor& first = parts[0];
  if (parts.size() < 2 || !parts[1].is_alias_of(first)) return {};
  const int64_t step = parts[1].storage_offset() - first.storage_offset();
  for (size_t index = 0; index < parts.size(); index++) {
    const at::Tensor& part = parts[index];
    const bool follows = part.storage_offset() == first.storage_offset() + static_cast<int64_t>(index) * step;
    if (!follows || step <= 0 || part.strides() != first.strides() || !part.is_alias_of(first)) return {};
  }
  std::vector<int64_t> sizes = first.sizes().vec(), strides = first.strides().vec();
  sizes.insert(sizes.begin() + axis, static_cast<int64_t>(parts.size()));
  strides.insert(strides.begin() + axis, step);
  at::Tensor stacked = first.as_strided(sizes, strides, first.storage_offset());
  return stacked.is_contiguous() ? stacked : at::Tensor();
}

void stack(Call& call) {
  const auto parts = inputsOf(call);
  at::Tensor stacked = stackedAlready(parts, call.integer(0));
  call.out(stacked.defined() ? std::move(stacked) : at::stack(parts, call.integer(0)));
}

/** Gathers with indices for every one of the leading `batch` axes. */
at::Tensor gatherBatches(const at::Tensor& x, const at::Tensor& indices, int64_t axis, int64_t batch) {
  const auto sizes = x.sizes();
  std::vector<int64_t> leading(sizes.begin(), sizes.begin() + batch);
  int64_t batches = 1;
  for (const int64_t extent : leading) batches *= extent;
  // [batches, axis, rest]
  const at::Tensor rows = x.movedim(axis, batch).reshape({batches, sizes[axis], -1});
  const at::Tensor places = indices.reshape({batches, -1, 1}).to(at::kLong).expand({-1, -1, rows.size(2)});
  std::vector<int64_t> shape(indices.sizes().begin(), indices.sizes().end());
  std::vector<int64_t> order;
  for (int64_t at = 0; at < x.dim(); at++) {
    if (at >= batch && at != axis) shape.push_back(sizes[at]);
  }
  // [batch, places, outer, inner] to [batch, outer, places, inner]
  const int64_t count = indices.dim() - batch;
  const int64_t outer = axis - batch;
  for (int64_t at = 0; at < static_cast<int64_t>(shape.size()); at++) {
    const bool isMoved = at >= batch && at < batch + outer + count;
    order.push_back(!isMoved ? at : at < batch + outer ? at + count : at - outer);
  }
  return at::gather(rows, 1, places).reshape(shape).permute(order);
}

/** @throws where an index lies outside; elsewhere than on a processor this is left to torch */
void checkIndices(const at::Tensor& indices, int64_t extent) {
  if (!indices.is_cpu() || indices.numel() == 0) return;
  const auto [least, most] = at::aminmax(indices);
  for (const int64_t index : {least.item<int64_t>(), most.item<int64_t>()}) {
    if (index < 0 || index >= extent)
      throw std::out_of_range("index " + std::to_string(index) + " is out of range, there are " + std::to_string(extent));
  }
}

/** Slices of an axis by indices of any shape; axis, then how many leading axes belong together. */
void gather(Call& call) {
  const at::Tensor& x = call.in(0);
  const at::Tensor& indices = call.in(1);
  const int64_t axis = call.integer(0);
  checkIndices(indices, x.size(axis));
  if (call.integer(1) > 0) return call.out(gatherBatches(x, indices, axis, call.integer(1)));
  std::vector<int64_t> shape(x.sizes().begin(), x.sizes().begin() + axis);
  shape.insert(shape.end(), indices.sizes().begin(), indices.sizes().end());
  shape.insert(shape.end(), x.sizes().begin() + axis + 1, x.sizes().end());
  call.out(at::index_select(x, axis, indices.reshape({-1}).to(at::kLong)).reshape(shape));
}

/** Rows summed by segment, in their order; those of no segment are left out. */
void segmentSum(Call& call) {
  const at::Tensor& x = call.in(0);
  const int64_t segments = call.integer(0);
  const at::Tensor ids = call.in(1).reshape({-1}).to(at::kLong);
  std::vector<int64_t> rest(x.sizes().begin() + call.in(1).dim(), x.sizes().end());
  std::vector<int64_t> rows{ids.numel()};
  rows.insert(rows.end(), rest.begin(), rest.end());
  std::vector<int64_t> sums{segments + 1};
  sums.insert(sums.end(), rest.begin(), rest.end());
  const at::Tensor isOutside = at::logical_or(at::lt(ids, 0), at::ge(ids, segments));
  const at::Tensor places = at::where(isOutside, at::full({}, segments, ids.options()), ids);
  call.out(at::zeros(sums, x.options()).index_add_(0, places, x.reshape(rows)).narrow(0, 0, segments));
}

/** depth, on, off, type */
void oneHot(Call& call) {
  const at::Tensor column = call.in().unsqueeze(-1);
  const at::Tensor classes = at::arange(call.integer(0), column.options());
  const auto number = [&](size_t index) { return at::full({}, call.number(index), column.options().dtype(call.type(3))); };
  call.out(at::where(at::eq(column, classes), number(1), number(2)));
}

void alias(Call& call) { call.out(call.in()); }

const Operations& operations() {
  static const Operations operations = {
      {"reshape", reshape}, {"permute", permute}, {"expand", expand},
      {"repeat", repeat},   {"flip", flip},       {"select", select},
      {"narrow", narrow},   {"slice", slice},     {"pad", pad},
      {"cat", concatenate}, {"stack", stack},     {"gather", gather},
      {"one_hot", oneHot},  {"alias", alias},     {"segment_sum", segmentSum},
  };
  return operations;
}

}  // namespace layout
