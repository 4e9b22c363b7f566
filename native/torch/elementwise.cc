// Operations whose result at an element depends on their inputs at that element. Results are written over an input that
// nothing else will see.
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/acos.h>
#include <ATen/ops/acosh.h>
#include <ATen/ops/add.h>
#include <ATen/ops/asin.h>
#include <ATen/ops/asinh.h>
#include <ATen/ops/atan.h>
#include <ATen/ops/atanh.h>
#include <ATen/ops/ceil.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/cosh.h>
#include <ATen/ops/div.h>
#include <ATen/ops/elu.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/le.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/round.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/selu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/sinh.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tan.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>
#include <ATen/ExpandUtils.h>

#include <algorithm>

#include "operations.h"

namespace elementwise {

using UnaryOut = at::Tensor& (*)(at::Tensor&, const at::Tensor&);
using BinaryOut = at::Tensor& (*)(at::Tensor&, const at::Tensor&, const at::Tensor&);

/** An input that a result of its own type may be written over; otherwise a tensor to be made. */
at::Tensor target(const Call& call, size_t index, at::ScalarType type) {
  const at::Tensor& x = call.in(index);
  return x.scalar_type() == type && call.isReusable(index) ? x : at::empty({0}, x.options().dtype(type));
}

template <UnaryOut out>
void unary(Call& call) {
  at::Tensor result = target(call, 0, call.in().scalar_type());
  out(result, call.in());
  call.out(std::move(result));
}

/** An input that a result of two operands may be written over, which has the shape that they broadcast to. */
at::Tensor binaryTarget(const Call& call, at::ScalarType type) {
  const at::Tensor& a = call.in(0);
  const at::Tensor& b = call.in(1);
  const bool isSame = a.sizes() == b.sizes();
  const auto fits = [&](size_t index) {
    const at::Tensor& x = call.in(index);
    if (x.scalar_type() != type || !call.isReusable(index)) return false;
    return isSame || x.sizes() == at::IntArrayRef(at::infer_size(a.sizes(), b.sizes()));
  };
  if (fits(0)) return a;
  if (fits(1)) return b;
  return at::empty({0}, a.options().dtype(type));
}

template <BinaryOut out>
void binary(Call& call) {
  at::Tensor result = binaryTarget(call, call.in().scalar_type());
  out(result, call.in(0), call.in(1));
  call.out(std::move(result));
}

template <BinaryOut out>
void comparison(Call& call) {
  at::Tensor result = at::empty({0}, call.in().options().dtype(at::kBool));
  out(result, call.in(0), call.in(1));
  call.out(std::move(result));
}

at::Tensor& addOut(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) { return at::add_out(out, a, b); }
at::Tensor& subOut(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) { return at::sub_out(out, a, b); }
at::Tensor& squareOut(at::Tensor& out, const at::Tensor& x) { return at::mul_out(out, x, x); }
at::Tensor& reluOut(at::Tensor& out, const at::Tensor& x) { return at::clamp_min_out(out, x, 0); }
at::Tensor& eluOut(at::Tensor& out, const at::Tensor& x) { return at::elu_out(out, x); }
at::Tensor& roundOut(at::Tensor& out, const at::Tensor& x) { return at::round_out(out, x); }

/** Truncated towards zero; what is no number is 0, and what is too large the largest, as in typed arrays of tfjs. */
at::Tensor toInt(const at::Tensor& x) {
  return at::clamp(at::nan_to_num(x.to(at::kDouble), 0.0), -2147483648.0, 2147483647.0).to(at::kInt);
}

/** Computed in double precision where the operands are integers. */
void power(Call& call) {
  const at::Tensor& a = call.in(0);
  if (a.is_floating_point()) return binary<at::pow_out>(call);
  call.out(toInt(at::pow(a.to(at::kDouble), call.in(1).to(at::kDouble))));
}

void divide(Call& call) {
  const at::Tensor& a = call.in(0);
  if (a.is_floating_point()) return binary<at::div_out>(call);
  call.out(toInt(at::div(a.to(at::kDouble), call.in(1).to(at::kDouble))));
}

void floorDivide(Call& call) {
  const at::Tensor& a = call.in(0);
  if (a.is_floating_point()) return call.out(at::floor(at::div(a, call.in(1))));
  call.out(toInt(at::floor(at::div(a.to(at::kDouble), call.in(1).to(at::kDouble)))));
}

/** The remainder has the divisor's sign; by an integer that is 0 it is 0. */
void remainder(Call& call) {
  const at::Tensor& a = call.in(0);
  if (a.is_floating_point()) return call.out(at::remainder(a, call.in(1)));
  call.out(toInt(at::remainder(a.to(at::kDouble), call.in(1).to(at::kDouble))));
}

void squaredDifference(Call& call) {
  binary<subOut>(call);
  // The instruction's output is in place by now; its square may be written over it.
  const at::Tensor difference = call.result();
  call.out(difference.mul_(at::Tensor(difference)));
}

void prelu(Call& call) {
  const at::Tensor& x = call.in(0);
  call.out(at::where(at::lt(x, 0), at::mul(x, call.in(1)), x));
}

void eluGrad(Call& call) {
  const at::Tensor& dy = call.in(0);
  const at::Tensor& y = call.in(1);
  call.out(at::where(at::ge(y, 0), dy, at::mul(dy, at::add(y, 1))));
}

void step(Call& call) {
  const at::Tensor& x = call.in();
  const auto number = [&](double value) { return at::full({}, value, x.options()); };
  const at::Tensor steps = at::where(at::gt(x, 0), number(1), number(call.number(0)));
  call.out(x.is_floating_point() ? at::where(at::isnan(x), x, steps) : steps);
}

void leakyRelu(Call& call) { call.out(at::leaky_relu(call.in(), call.number(0))); }

void clamp(Call& call) {
  if (!call.in().is_floating_point()) {
    const auto bound = [&](size_t index) {
      return at::Scalar(static_cast<int64_t>(std::min(std::max(call.number(index), -2147483648.0), 2147483647.0)));
    };
    return call.out(at::clamp(call.in(), bound(0), bound(1)));
  }
  at::Tensor result = target(call, 0, call.in().scalar_type());
  at::clamp_out(result, call.in(), at::Scalar(call.number(0)), at::Scalar(call.number(1)));
  call.out(std::move(result));
}

void addN(Call& call) {
  if (call.inputCount() == 1) return call.out(call.in());
  bool isReusable = call.isReusable(0);
  for (size_t index = 1; index < call.inputCount(); index++) isReusable &= !call.in(index).is_same(call.in(0));
  at::Tensor sum = isReusable ? call.in(0).add_(call.in(1)) : at::add(call.in(0), call.in(1));
  for (size_t index = 2; index < call.inputCount(); index++) sum.add_(call.in(index));
  call.out(std::move(sum));
}

void cast(Call& call) {
  const at::Tensor& x = call.in();
  const at::ScalarType type = call.type(0);
  call.out(type == at::kInt && x.is_floating_point() ? toInt(x) : x.to(type));
}

const Operations& operations() {
  static const Operations operations = {
      {"abs", unary<at::abs_out>},
      {"acos", unary<at::acos_out>},
      {"acosh", unary<at::acosh_out>},
      {"asin", unary<at::asin_out>},
      {"asinh", unary<at::asinh_out>},
      {"atan", unary<at::atan_out>},
      {"atanh", unary<at::atanh_out>},
      {"ceil", unary<at::ceil_out>},
      {"cos", unary<at::cos_out>},
      {"cosh", unary<at::cosh_out>},
      {"elu", unary<eluOut>},
      {"erf", unary<at::erf_out>},
      {"exp", unary<at::exp_out>},
      {"expm1", unary<at::expm1_out>},
      {"floor", unary<at::floor_out>},
      {"log", unary<at::log_out>},
      {"log1p", unary<at::log1p_out>},
      {"neg", unary<at::neg_out>},
      {"reciprocal", unary<at::reciprocal_out>},
      {"relu", unary<reluOut>},
      {"round", unary<roundOut>},
      {"rsqrt", unary<at::rsqrt_out>},
      {"sigmoid", unary<at::sigmoid_out>},
      {"sin", unary<at::sin_out>},
      {"sinh", unary<at::sinh_out>},
      {"sqrt", unary<at::sqrt_out>},
      {"square", unary<squareOut>},
      {"tan", unary<at::tan_out>},
      {"tanh", unary<at::tanh_out>},
      {"selu", [](Call& call) { call.out(at::selu(call.in())); }},
      {"softplus", [](Call& call) { call.out(at::softplus(call.in())); }},
      {"sign", unary<at::sign_out>},
      {"step", step},
      {"leaky_relu", leakyRelu},
      {"clamp", clamp},
      {"not", [](Call& call) { call.out(at::logical_not(call.in())); }},
      {"is_nan", [](Call& call) { call.out(at::isnan(call.in())); }},
      {"is_inf", [](Call& call) { call.out(at::isinf(call.in())); }},
      {"is_finite", [](Call& call) { call.out(at::isfinite(call.in())); }},
      {"add", binary<addOut>},
      {"sub", binary<subOut>},
      {"mul", binary<at::mul_out>},
      {"maximum", binary<at::maximum_out>},
      {"minimum", binary<at::minimum_out>},
      {"div", divide},
      {"floor_div", floorDivide},
      {"pow", power},
      {"remainder", remainder},
      {"squared_difference", squaredDifference},
      {"prelu", prelu},
      {"elu_grad", eluGrad},
      {"eq", comparison<at::eq_out>},
      {"ne", comparison<at::ne_out>},
      {"gt", comparison<at::gt_out>},
      {"ge", comparison<at::ge_out>},
      {"lt", comparison<at::lt_out>},
      {"le", comparison<at::le_out>},
      {"and", comparison<at::logical_and_out>},
      {"or", comparison<at::logical_or_out>},
      {"where", [](Call& call) { call.out(at::where(call.in(0), call.in(1), call.in(2))); }},
      {"add_n", addN},
      {"cast", cast},
      {"gelu", [](Call& call) { call.out(at::gelu(call.in())); }},
  };
  return operations;
}

}  // namespace elementwise
