// Convolutions and pooling of images [B, H, W, C], which torch sees as [B, C, H, W] in the memory format of channels last.
#include <ATen/core/Tensor.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/ones.h>

#include "operations.h"

namespace windows {

at::Tensor channelsFirst(const at::Tensor& images) { return images.permute({0, 3, 1, 2}); }
at::Tensor channelsLast(const at::Tensor& images) { return images.permute({0, 2, 3, 1}); }

/** Filters [kH, kW, C, D], or [kH, kW, C, multiplier], as torch has them: [outputs, inputs of a group, kH, kW]. */
at::Tensor filterOf(const at::Tensor& filter, int64_t groups) {
  const at::Tensor merged = groups == 1 ? filter : filter.reshape({filter.size(0), filter.size(1), 1, -1});
  return merged.permute({3, 2, 0, 1});
}

/** strides (2), dilations (2), groups, then padding: top, left, bottom, right. */
struct Geometry {
  std::vector<int64_t> strides, dilations, pads;
  int64_t groups;

  explicit Geometry(const Call& call)
      : strides(call.integers(0, 2)), dilations(call.integers(2, 2)), pads(call.integers(5, 4)), groups(call.integer(4)) {}

  bool isSymmetric() const { return pads[0] == pads[2] && pads[1] == pads[3]; }
  /** Padding that the convolution takes; other padding is made before. */
  std::vector<int64_t> inner() const {
    return isSymmetric() ? std::vector<int64_t>{pads[0], pads[1]} : std::vector<int64_t>{0, 0};
  }
};

at::Tensor padded(const at::Tensor& images, const std::vector<int64_t>& pads, double value) {
  if (pads[0] == 0 && pads[1] == 0 && pads[2] == 0 && pads[3] == 0) return images;
  return at::constant_pad_nd(images, {pads[1], pads[3], pads[0], pads[2]}, value);
}

void convolve(Call& call) {
  const Geometry geometry(call);
  at::Tensor images = channelsFirst(call.in(0));
  if (!geometry.isSymmetric()) images = padded(images, geometry.pads, 0);
  const at::Tensor filter = filterOf(call.in(1), geometry.groups);
  call.out(channelsLast(at::convolution(images, filter, {}, geometry.strides, geometry.inner(), geometry.dilations, false,
                                        {0, 0}, geometry.groups)));
}

/** The gradient by the images, whose shape [B, H, W, C] follows the geometry's arguments. */
void convolveBack(Call& call) {
  const Geometry geometry(call);
  const auto shape = call.integers(9, 4);
  const at::Tensor errors = channelsFirst(call.in(0));
  const at::Tensor filter = filterOf(call.in(1), geometry.groups);
  const bool isSymmetric = geometry.isSymmetric();
  const auto& pads = geometry.pads;
  const int64_t height = shape[1] + (isSymmetric ? 0 : pads[0] + pads[2]);
  const int64_t width = shape[2] + (isSymmetric ? 0 : pads[1] + pads[3]);
  // The images' elements have no part in their gradient.
  const at::Tensor images = channelsFirst(at::empty({shape[0], height, width, shape[3]}, errors.options()));
  at::Tensor gradient =
      std::get<0>(at::convolution_backward(errors, images, filter, at::OptionalIntArrayRef(), geometry.strides, geometry.inner(),
                                           geometry.dilations, false, {0, 0}, geometry.groups, {true, false, false}));
  if (!isSymmetric) gradient = gradient.narrow(2, pads[0], shape[1]).narrow(3, pads[1], shape[2]);
  call.out(channelsLast(gradient));
}

/** The gradient by the filter, whose shape [kH, kW, C, D] follows the geometry's arguments. */
void convolveBackByFilter(Call& call) {
  const Geometry geometry(call);
  const auto shape = call.integers(9, 4);
  at::Tensor images = channelsFirst(call.in(0));
  if (!geometry.isSymmetric()) images = padded(images, geometry.pads, 0);
  const at::Tensor errors = channelsFirst(call.in(1));
  // The filter's elements have no part in its gradient.
  const at::Tensor filter = at::empty({shape[3], shape[2], shape[0], shape[1]}, errors.options());
  const at::Tensor gradient =
      std::get<1>(at::convolution_backward(errors, images, filter, at::OptionalIntArrayRef(), geometry.strides, geometry.inner(),
                                           geometry.dilations, false, {0, 0}, geometry.groups, {false, true, false}));
  call.out(gradient.permute({2, 3, 1, 0}));
}

/** The window's extents (2), strides (2), then padding: top, left, bottom, right. */
struct Window {
  std::vector<int64_t> extents, strides, pads;
  explicit Window(const Call& call)
      : extents(call.integers(0, 2)), strides(call.integers(2, 2)), pads(call.integers(4, 4)) {}
};

at::Tensor asFloats(const at::Tensor& images) {
  return channelsFirst(images.is_floating_point() ? images : images.to(at::kFloat));
}

/** What lies outside the image is no maximum, nor what is no number. */
void maxPool(Call& call) {
  const Window window(call);
  const at::Tensor numbers = at::nan_to_num(asFloats(call.in()), -INFINITY, INFINITY, -INFINITY);
  const at::Tensor images = padded(numbers, window.pads, -INFINITY);
  call.out(channelsLast(at::max_pool2d(images, window.extents, window.strides)).to(call.in().scalar_type()));
}

/** What lies outside the image is not counted. */
void averagePool(Call& call) {
  const Window window(call);
  const at::Tensor images = asFloats(call.in());
  const auto sums = [&](const at::Tensor& x) {
    return at::avg_pool2d(padded(x, window.pads, 0), window.extents, window.strides, {0, 0}, false, true, 1);
  };
  const at::Tensor counts = sums(at::ones({1, 1, images.size(2), images.size(3)}, images.options()));
  call.out(channelsLast(at::div(sums(images), counts)).to(call.in().scalar_type()));
}

const Operations& operations() {
  static const Operations operations = {
      {"convolution", convolve},
      {"convolution_by_input", convolveBack},
      {"convolution_by_filter", convolveBackByFilter},
      {"max_pool", maxPool},
      {"average_pool", averagePool},
  };
  return operations;
}

}  // namespace windows
