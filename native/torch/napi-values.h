// Values of JavaScript, read and made; what cannot be is an exception.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

void check(napi_env env, napi_status status);
/** Runs the body of a function of ours; an exception becomes one of JavaScript. */
napi_value guarded(napi_env env, const std::function<napi_value()>& body);

std::vector<napi_value> argumentsOf(napi_env env, napi_callback_info info, size_t count);
napi_value property(napi_env env, napi_value object, const char* name);
void setProperty(napi_env env, napi_value object, const char* name, napi_value value);
std::vector<napi_value> elementsOf(napi_env env, napi_value array);
napi_value arrayOf(napi_env env, const std::vector<napi_value>& elements);

double toNumber(napi_env env, napi_value value);
std::string toString(napi_env env, napi_value value);
/** Whether JavaScript takes a value for true. */
bool toBoolean(napi_env env, napi_value value);
/** An array or a list of whole numbers. */
std::vector<int64_t> toIntegers(napi_env env, napi_value array);

napi_value ofNumber(napi_env env, double value);
napi_value ofBoolean(napi_env env, bool value);
napi_value ofString(napi_env env, const std::string& value);

/** The memory behind a typed array. */
struct Bytes {
  void* data;
  size_t length;
};
Bytes toBytes(napi_env env, napi_value typedArray);
