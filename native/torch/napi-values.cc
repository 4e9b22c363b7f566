#include "napi-values.h"

#include <stdexcept>

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API failed");
}

napi_value guarded(napi_env env, const std::function<napi_value()>& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    bool isPending = false;
    napi_is_exception_pending(env, &isPending);
    if (!isPending) napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

std::vector<napi_value> argumentsOf(napi_env env, napi_callback_info info, size_t count) {
  std::vector<napi_value> values(count);
  size_t given = count;
  check(env, napi_get_cb_info(env, info, &given, values.data(), nullptr, nullptr));
  if (given < count) throw std::invalid_argument("an argument is missing");
  return values;
}

napi_value property(napi_env env, napi_value object, const char* name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}

void setProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}

std::vector<napi_value> elementsOf(napi_env env, napi_value array) {
  uint32_t length = 0;
  check(env, napi_get_array_length(env, array, &length));
  std::vector<napi_value> elements(length);
  for (uint32_t index = 0; index < length; index++) check(env, napi_get_element(env, array, index, &elements[index]));
  return elements;
}

napi_value arrayOf(napi_env env, const std::vector<napi_value>& elements) {
  napi_value array;
  check(env, napi_create_array_with_length(env, elements.size(), &array));
  for (uint32_t index = 0; index < elements.size(); index++)
    check(env, napi_set_element(env, array, index, elements[index]));
  return array;
}

double toNumber(napi_env env, napi_value value) {
  double number = 0;
  check(env, napi_get_value_double(env, value, &number));
  return number;
}

bool toBoolean(napi_env env, napi_value value) {
  napi_value flag;
  bool result = false;
  check(env, napi_coerce_to_bool(env, value, &flag));
  check(env, napi_get_value_bool(env, flag, &result));
  return result;
}

std::string toString(napi_env env, napi_value value) {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

std::vector<int64_t> toIntegers(napi_env env, napi_value array) {
  std::vector<int64_t> numbers;
  for (const napi_value element : elementsOf(env, array)) numbers.push_back(static_cast<int64_t>(toNumber(env, element)));
  return numbers;
}

napi_value ofNumber(napi_env env, double value) {
  napi_value number;
  check(env, napi_create_double(env, value, &number));
  return number;
}

napi_value ofBoolean(napi_env env, bool value) {
  napi_value truth;
  check(env, napi_get_boolean(env, value, &truth));
  return truth;
}

napi_value ofString(napi_env env, const std::string& value) {
  napi_value text;
  check(env, napi_create_string_utf8(env, value.data(), value.size(), &text));
  return text;
}

Bytes toBytes(napi_env env, napi_value typedArray) {
  napi_typedarray_type type;
  size_t count = 0;
  void* data = nullptr;
  check(env, napi_get_typedarray_info(env, typedArray, &type, &count, &data, nullptr, nullptr));
  const bool isByte = type == napi_uint8_array || type == napi_int8_array || type == napi_uint8_clamped_array;
  const bool isShort = type == napi_int16_array || type == napi_uint16_array;
  const bool isLong = type == napi_float64_array || type == napi_bigint64_array || type == napi_biguint64_array;
  return {data, count * (isByte ? 1 : isShort ? 2 : isLong ? 8 : 4)};
}
