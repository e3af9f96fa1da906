// Native.java's calls of functions by name, and the way back to those of the app in Java.
#include <jni.h>
#include <mobileasr/mobileasr.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "java_values.h"

namespace mobileasr::java {
namespace {

void AddValue(const masr_value& value, std::string& texts, std::vector<int64_t>& numbers) {
  texts.append(value.name).push_back('\0');
  texts.append(value.meaning).push_back('\0');
  numbers.insert(numbers.end(), {value.dtype, value.optional, value.rank});
  numbers.insert(numbers.end(), value.shape, value.shape + value.rank);
}

// Dimensions beyond what there is cannot be told; the library refuses the rank.
template <class Described>
void SetShape(const jlong* shape, size_t rank, Described& described) {
  described.rank = static_cast<int32_t>(rank);
  for (size_t d = 0; d < MASR_MAX_RANK; ++d) described.shape[d] = d < rank ? shape[d] : 1;
}

// What Signature.numbers() gives of a value; `at` moves on behind it.
masr_value ReadValue(const std::vector<jlong>& numbers, size_t& at, const char* name,
                     const char* meaning) {
  masr_value value = {};
  value.name = name;
  value.meaning = meaning;
  value.dtype = static_cast<int32_t>(numbers[at]);
  value.optional = static_cast<int32_t>(numbers[at + 1]);
  const auto rank = static_cast<size_t>(numbers[at + 2]);
  SetShape(numbers.data() + at + 3, rank, value);
  at += 3 + rank;
  return value;
}

using Bytes = std::vector<std::byte>;

// An array of the type, which Tensor.java has seen to.
Bytes FromJava(JNIEnv* env, jobject values, int32_t dtype) {
  const auto count = static_cast<size_t>(env->GetArrayLength(static_cast<jarray>(values)));
  const size_t each = dtype == MASR_U8 ? 1 : dtype == MASR_F32 || dtype == MASR_I32 ? 4 : 8;
  Bytes bytes(count * each);
  const auto size = static_cast<jsize>(count);
  void* to = bytes.data();
  switch (dtype) {
    case MASR_F32:
      env->GetFloatArrayRegion(static_cast<jfloatArray>(values), 0, size, static_cast<jfloat*>(to));
      break;
    case MASR_F64:
      env->GetDoubleArrayRegion(static_cast<jdoubleArray>(values), 0, size,
                                static_cast<jdouble*>(to));
      break;
    case MASR_I32:
      env->GetIntArrayRegion(static_cast<jintArray>(values), 0, size, static_cast<jint*>(to));
      break;
    case MASR_I64:
      env->GetLongArrayRegion(static_cast<jlongArray>(values), 0, size, static_cast<jlong*>(to));
      break;
    default:
      env->GetByteArrayRegion(static_cast<jbyteArray>(values), 0, size, static_cast<jbyte*>(to));
  }
  CheckPending(env);
  return bytes;
}

jobject ArrayOf(JNIEnv* env, const masr_tensor& tensor) {
  const void* data = tensor.data;
  switch (tensor.dtype) {
    case MASR_F32:
      return ToJava(env, static_cast<const float*>(data), tensor.bytes / sizeof(float));
    case MASR_F64:
      return ToJava(env, static_cast<const double*>(data), tensor.bytes / sizeof(double));
    case MASR_I32:
      return ToJava(env, static_cast<const int32_t*>(data), tensor.bytes / sizeof(int32_t));
    case MASR_I64:
      return ToJava(env, static_cast<const int64_t*>(data), tensor.bytes / sizeof(int64_t));
    default:
      return ToJava(env, std::string_view(static_cast<const char*>(data), tensor.bytes));
  }
}

// Tensors as Java has them, apart: names, types, shapes and values.
struct JavaTensors {
  JavaTensors(JNIEnv* env, jbyteArray joined, jlongArray each_type, jobjectArray shapes,
              jobjectArray values)
      : names(env, joined) {
    const std::vector<const char*> each = names.Split();
    const std::vector<jlong> types = Longs(env, each_type);
    tensors.resize(each.size());
    for (size_t i = 0; i < each.size(); ++i) {
      const auto at = static_cast<jsize>(i);
      const Local<jlongArray> shape(env, env->GetObjectArrayElement(shapes, at));
      CheckPending(env);
      const Local<jobject> own(env, env->GetObjectArrayElement(values, at));
      CheckPending(env);
      masr_tensor& tensor = tensors[i];
      tensor.name = each[i];
      tensor.dtype = static_cast<int32_t>(types[i]);
      const std::vector<jlong> dimensions = Longs(env, shape.get());
      SetShape(dimensions.data(), dimensions.size(), tensor);
      numbers.push_back(FromJava(env, own.get(), tensor.dtype));
      tensor.data = numbers.back().data();
      tensor.bytes = numbers.back().size();
    }
  }

  Text names;
  std::vector<Bytes> numbers;
  std::vector<masr_tensor> tensors;
};

// The same the other way, each where an array of Java's waits for it.
void Give(JNIEnv* env, const masr_tensor* tensors, size_t count, std::string& names,
          std::vector<int64_t>& types, jobjectArray shapes, jobjectArray values) {
  for (size_t i = 0; i < count; ++i) {
    const auto at = static_cast<jsize>(i);
    names.append(tensors[i].name).push_back('\0');
    types.push_back(tensors[i].dtype);
    if (shapes == nullptr) continue;
    const auto rank = static_cast<size_t>(tensors[i].rank);
    const Local<jlongArray> shape(env, ToJava(env, tensors[i].shape, rank));
    env->SetObjectArrayElement(shapes, at, shape.get());
    CheckPending(env);
    const Local<jobject> own(env, ArrayOf(env, tensors[i]));
    env->SetObjectArrayElement(values, at, own.get());
    CheckPending(env);
  }
}

// An output of a function in Java.
struct Answer {
  std::vector<jlong> shape;
  Bytes numbers;
};

// A call under way on this thread: what a function in Java needs, and what it leaves.
struct Call {
  Call(JNIEnv* env_, jobject functions_) : env(env_), functions(functions_), outer(current) {
    current = this;
  }
  ~Call() { current = outer; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  JNIEnv* env;
  jobject functions;
  // Of a function whose outputs have not found room yet: it is not run twice for that.
  std::vector<Answer> answer;
  bool answered = false;
  jthrowable thrown = nullptr;
  Call* outer;

  // The library hands a function its user_data, which is its index, and nothing of the call.
  static thread_local Call* current;
};
thread_local Call* Call::current = nullptr;

// Asks the function in Java for the outputs, in their order.
std::vector<Answer> Ask(const Call& call, jint index, const masr_tensor* inputs, size_t input_count,
                        const masr_tensor* outputs, size_t output_count) {
  JNIEnv* env = call.env;
  const Local<jclass> type(env, env->GetObjectClass(call.functions));
  const jmethodID method =
      env->GetMethodID(type.get(), "call",
                       "(I[B[J[Ljava/lang/Object;[Ljava/lang/Object;[B[J[Ljava/lang/Object;)"
                       "[Ljava/lang/Object;");
  CheckPending(env);
  const Local<jclass> object(env, env->FindClass("java/lang/Object"));
  CheckPending(env);
  const auto array_of = [&](size_t count) {
    const jobjectArray made = env->NewObjectArray(static_cast<jsize>(count), object.get(), nullptr);
    CheckPending(env);
    return made;
  };
  const Local<jobjectArray> shapes(env, array_of(input_count));
  const Local<jobjectArray> values(env, array_of(input_count));
  const Local<jobjectArray> output_shapes(env, array_of(output_count));
  std::string names;
  std::vector<int64_t> types;
  Give(env, inputs, input_count, names, types, shapes.get(), values.get());
  const Local<jbyteArray> java_names(env, ToJava(env, std::string_view(names)));
  const Local<jlongArray> java_types(env, ToJava(env, types.data(), types.size()));
  names.clear();
  types.clear();
  Give(env, outputs, output_count, names, types, nullptr, nullptr);
  const Local<jbyteArray> output_names(env, ToJava(env, std::string_view(names)));
  const Local<jlongArray> output_types(env, ToJava(env, types.data(), types.size()));
  const Local<jobjectArray> given(
      env, env->CallObjectMethod(call.functions, method, index, java_names.get(), java_types.get(),
                                 shapes.get(), values.get(), output_names.get(), output_types.get(),
                                 output_shapes.get()));
  CheckPending(env);
  const JavaTensors told(env, output_names.get(), output_types.get(), output_shapes.get(),
                         given.get());
  std::vector<Answer> answers;
  for (size_t i = 0; i < told.tensors.size(); ++i) {
    const Local<jlongArray> shape(
        env, env->GetObjectArrayElement(output_shapes.get(), static_cast<jsize>(i)));
    CheckPending(env);
    answers.push_back({Longs(env, shape.get()), told.numbers[i]});
  }
  return answers;
}

masr_status Write(const std::vector<Answer>& answer, masr_tensor* outputs) {
  bool fits = true;
  for (size_t i = 0; i < answer.size(); ++i) {
    const Bytes& numbers = answer[i].numbers;
    SetShape(answer[i].shape.data(), answer[i].shape.size(), outputs[i]);
    fits = fits && outputs[i].bytes >= numbers.size();
    if (fits && !numbers.empty()) std::memcpy(outputs[i].data, numbers.data(), numbers.size());
  }
  return fits ? MASR_OK : MASR_BUFFER_TOO_SMALL;
}

// Any function in Java: `user_data` is its index. What it throws waits for the end of the call, as
// the library knows nothing of exceptions, and with one pending hardly anything can be called.
masr_status CallJava(void* user_data, masr_model* model, const masr_tensor* inputs,
                     size_t input_count, masr_tensor* outputs, size_t output_count) {
  Call& call = *Call::current;
  try {
    if (!call.answered) {
      const auto index = static_cast<jint>(reinterpret_cast<intptr_t>(user_data));
      call.answer = Ask(call, index, inputs, input_count, outputs, output_count);
      call.answered = true;
    }
    return Write(call.answer, outputs);
  } catch (const Pending&) {
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory(call.env);
  }
  call.thrown = call.env->ExceptionOccurred();
  call.env->ExceptionClear();
  return masr_fail(model, MASR_INVALID_ARGUMENT, "it has thrown");
}

}  // namespace
}  // namespace mobileasr::java

using namespace mobileasr::java;  // NOLINT(google-build-using-namespace): this file is its border

extern "C" {

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_modelFunction(JNIEnv* env, jclass,
                                                                     jlong address, jint index,
                                                                     jobjectArray numbers) {
  return Method(env, [&]() -> jbyteArray {
    auto* model = At<masr_model>(address);
    masr_function function = {};
    function.struct_size = sizeof(function);
    const masr_status status = masr_function_at(model, static_cast<size_t>(index), &function);
    if (status == MASR_NOT_FOUND) return nullptr;
    Check(env, model, status);
    std::string texts;
    texts.append(function.name).push_back('\0');
    texts.append(function.meaning).push_back('\0');
    std::vector<int64_t> all = {static_cast<int64_t>(function.input_count),
                                static_cast<int64_t>(function.output_count)};
    for (size_t i = 0; i < function.input_count; ++i) AddValue(function.inputs[i], texts, all);
    for (size_t i = 0; i < function.output_count; ++i) AddValue(function.outputs[i], texts, all);
    const Local<jlongArray> out(env, ToJava(env, all.data(), all.size()));
    env->SetObjectArrayElement(numbers, 0, out.get());
    CheckPending(env);
    return ToJava(env, std::string_view(texts));
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelRegister(JNIEnv* env, jclass, jlong address,
                                                               jint index, jbyteArray texts,
                                                               jlongArray all_numbers) {
  Method(env, [&] {
    auto* model = At<masr_model>(address);
    const Text joined(env, texts);
    const std::vector<const char*> each = joined.Split();
    const std::vector<jlong> numbers = Longs(env, all_numbers);
    const auto inputs = static_cast<size_t>(numbers[0]);
    std::vector<masr_value> values;
    size_t at = 2;
    for (size_t t = 2; t < each.size(); t += 2) {
      values.push_back(ReadValue(numbers, at, each[t], each[t + 1]));
    }
    masr_function function = {};
    function.struct_size = sizeof(function);
    function.name = each[0];
    function.meaning = each[1];
    function.inputs = values.data();
    function.input_count = inputs;
    function.outputs = values.data() + inputs;
    function.output_count = values.size() - inputs;
    function.call = CallJava;
    function.user_data = reinterpret_cast<void*>(static_cast<intptr_t>(index));
    Check(env, model, masr_register(model, &function));
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelCall(
    JNIEnv* env, jclass, jlong address, jobject functions, jbyteArray function, jbyteArray names,
    jlongArray types, jobjectArray shapes, jobjectArray values, jbyteArray output_names,
    jlongArray output_rooms, jlongArray output_types, jobjectArray output_shapes,
    jobjectArray output_values) {
  Method(env, [&] {
    auto* model = At<masr_model>(address);
    const Text name(env, function);
    const JavaTensors inputs(env, names, types, shapes, values);
    const Text joined(env, output_names);
    std::vector<masr_tensor> outputs;
    for (const char* each : joined.Split()) outputs.emplace_back().name = each;
    std::vector<Bytes> rooms(outputs.size());
    const auto make_room = [&](size_t i, size_t bytes) {
      rooms[i].resize(bytes);
      outputs[i].data = rooms[i].data();
      outputs[i].bytes = bytes;
    };
    const std::vector<jlong> fixed = Longs(env, output_rooms);
    for (size_t i = 0; i < outputs.size(); ++i) make_room(i, static_cast<size_t>(fixed[i]));
    Call call(env, functions);
    const auto run = [&] {
      return masr_call(model, name.get(), inputs.tensors.data(), inputs.tensors.size(),
                       outputs.data(), outputs.size());
    };
    masr_status status = run();
    if (status == MASR_BUFFER_TOO_SMALL) {
      for (size_t i = 0; i < outputs.size(); ++i) make_room(i, outputs[i].bytes);
      status = run();
    }
    if (call.thrown != nullptr) {
      env->Throw(call.thrown);
      throw Pending();
    }
    Check(env, model, status);
    std::string all_names;
    std::vector<int64_t> dtypes;
    Give(env, outputs.data(), outputs.size(), all_names, dtypes, output_shapes, output_values);
    static_assert(sizeof(jlong) == sizeof(int64_t));
    env->SetLongArrayRegion(output_types, 0, static_cast<jsize>(dtypes.size()),
                            reinterpret_cast<const jlong*>(dtypes.data()));
    CheckPending(env);
  });
}

}  // extern "C"
