// Operations that find elements, or take and put them by coordinates [..., depth].
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "operations.h"

namespace indexing {

/**
 * Coordinates as positions in the leading axes laid out in a row, [N].
 * @throws where one lies outside; elsewhere than on a processor torch finds out
 */
at::Tensor positionsOf(const at::Tensor& coordinates, at::IntArrayRef shape) {
  const int64_t depth = coordinates.size(-1);
  const at::Tensor rows = coordinates.reshape({-1, depth}).to(at::kLong);
  at::Tensor positions = at::zeros({rows.size(0)}, rows.options());
  for (int64_t axis = 0; axis < depth; axis++) {
    const at::Tensor column = rows.select(1, axis);
    if (column.is_cpu() && column.numel() > 0 && (column.min().item<int64_t>() < 0 || column.max().item<int64_t>() >= shape[axis]))
      throw std::out_of_range("coordinates of axis " + std::to_string(axis) + " are not below " +
                              std::to_string(shape[axis]));
    positions = at::add(at::mul(positions, shape[axis]), column);
  }
  return positions;
}

/** A tensor with its leading axes laid out in a row. */
at::Tensor asRows(const at::Tensor& x, int64_t depth) {
  std::vector<int64_t> shape{1};
  for (int64_t axis = 0; axis < depth; axis++) shape[0] *= x.size(axis);
  shape.insert(shape.end(), x.sizes().begin() + depth, x.sizes().end());
  return x.reshape(shape);
}

void gather(Call& call) {
  const at::Tensor& x = call.in(0);
  const at::Tensor& coordinates = call.in(1);
  const int64_t depth = coordinates.size(-1);
  std::vector<int64_t> shape(coordinates.sizes().begin(), coordinates.sizes().end() - 1);
  shape.insert(shape.end(), x.sizes().begin() + depth, x.sizes().end());
  call.out(at::index_select(asRows(x, depth), 0, positionsOf(coordinates, x.sizes())).reshape(shape));
}

/** Of several updates of one place the last one counts. */
void update(Call& call) {
  const at::Tensor& x = call.in(0);
  const at::Tensor& coordinates = call.in(1);
  const int64_t depth = coordinates.size(-1);
  const at::Tensor copy = x.clone(at::MemoryFormat::Contiguous);
  const at::Tensor rows = asRows(copy, depth);
  const at::Tensor positions = positionsOf(coordinates, x.sizes());
  std::vector<int64_t> shape(rows.sizes().begin(), rows.sizes().end());
  shape[0] = positions.numel();
  rows.index_copy_(0, positions, call.in(2).reshape(shape));
  call.out(copy);
}

/** The k largest of the last axis and where they are; among equals the first. */
void largest(Call& call) {
  const auto [values, indices] = at::sort(call.in(), /*stable=*/true, -1, /*descending=*/true);
  const int64_t count = call.integer(0);
  call.out(values.narrow(-1, 0, count), 0);
  call.out(indices.narrow(-1, 0, count).to(at::kInt), 1);
}

struct Rectangle {
  float top, left, bottom, right;
  float area() const { return (bottom - top) * (right - left); }
};

Rectangle rectangleOf(const float* corners) {
  return {std::min(corners[0], corners[2]), std::min(corners[1], corners[3]), std::max(corners[0], corners[2]),
          std::max(corners[1], corners[3])};
}

float overlapOf(const Rectangle& a, const Rectangle& b) {
  if (a.area() <= 0 || b.area() <= 0) return 0;
  const float height = std::max(std::min(a.bottom, b.bottom) - std::max(a.top, b.top), 0.0f);
  const float width = std::max(std::min(a.right, b.right) - std::max(a.left, b.left), 0.0f);
  const float common = height * width;
  return common / (a.area() + b.area() - common);
}

/** Most boxes, smallest overlap that drops one, smallest score: indices by falling score, padded by 0, and their number. */
void suppress(Call& call) {
  const at::Tensor boxes = call.in(0).to(at::kCPU).contiguous();
  const at::Tensor scores = call.in(1).to(at::kCPU).contiguous();
  const auto most = static_cast<size_t>(call.integer(0));
  const auto overlap = static_cast<float>(call.number(1));
  const auto least = static_cast<float>(call.number(2));
  const float* score = scores.data_ptr<float>();
  const float* corners = boxes.data_ptr<float>();
  std::vector<int> order(static_cast<size_t>(scores.numel()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score[a] > score[b]; });
  std::vector<int> chosen;
  for (const int box : order) {
    if (chosen.size() == most || !(score[box] > least)) break;
    const Rectangle rectangle = rectangleOf(corners + 4 * box);
    const bool isCovered = std::any_of(chosen.begin(), chosen.end(), [&](int other) {
      return overlapOf(rectangle, rectangleOf(corners + 4 * other)) >= overlap;
    });
    if (!isCovered) chosen.push_back(box);
  }
  at::Tensor indices = at::zeros({static_cast<int64_t>(most)}, scores.options().dtype(at::kInt));
  std::copy(chosen.begin(), chosen.end(), indices.data_ptr<int>());
  const auto options = call.in(1).options().dtype(at::kInt);
  call.out(indices.to(call.in(1).device()), 0);
  call.out(at::full({}, static_cast<int64_t>(chosen.size()), options), 1);
}

const Operations& operations() {
  static const Operations operations = {
      {"gather_nd", gather},
      {"scatter_update", update},
      {"top_k", largest},
      {"non_max_suppression", suppress},
  };
  return operations;
}

}  // namespace indexing
