#include "java_values.h"

#include <cstring>

namespace mobileasr::java {

void CheckPending(JNIEnv* env) {
  if (env->ExceptionCheck() != JNI_FALSE) throw Pending();
}

void Fail(JNIEnv* env, masr_status status, const char* message) {
  const Local<jclass> type(env, env->FindClass("org/mobileasr/MobileAsrException"));
  CheckPending(env);
  const jmethodID make = env->GetMethodID(type.get(), "<init>", "(I[B)V");
  CheckPending(env);
  const Local<jbyteArray> words(env, ToJava(env, std::string_view(message)));
  const Local<jthrowable> exception(
      env, env->NewObject(type.get(), make, static_cast<jint>(status), words.get()));
  CheckPending(env);
  env->Throw(exception.get());
  throw Pending();
}

void Check(JNIEnv* env, const masr_model* model, masr_status status) {
  if (status != MASR_OK) Fail(env, status, masr_model_error(model));
}

void Check(JNIEnv* env, const masr_owner* owner, masr_status status) {
  if (status != MASR_OK) Fail(env, status, masr_owner_error(owner));
}

void ThrowOutOfMemory(JNIEnv* env) {
  const jclass type = env->FindClass("java/lang/OutOfMemoryError");
  if (type != nullptr) env->ThrowNew(type, "native memory of the recogniser");
}

Text::Text(JNIEnv* env, jbyteArray array) : null_(array == nullptr) {
  if (null_) return;
  const jsize size = env->GetArrayLength(array);
  bytes_.resize(static_cast<size_t>(size));
  env->GetByteArrayRegion(array, 0, size, reinterpret_cast<jbyte*>(bytes_.data()));
  CheckPending(env);
}

std::vector<const char*> Text::Split() const {
  std::vector<const char*> texts;
  for (size_t at = 0; at < bytes_.size(); at += std::strlen(texts.back()) + 1) {
    texts.push_back(bytes_.c_str() + at);
  }
  return texts;
}

std::vector<jlong> Longs(JNIEnv* env, jlongArray array) {
  std::vector<jlong> values(static_cast<size_t>(env->GetArrayLength(array)));
  env->GetLongArrayRegion(array, 0, static_cast<jsize>(values.size()), values.data());
  CheckPending(env);
  return values;
}

std::vector<jdouble> Doubles(JNIEnv* env, jdoubleArray array) {
  std::vector<jdouble> values(static_cast<size_t>(env->GetArrayLength(array)));
  env->GetDoubleArrayRegion(array, 0, static_cast<jsize>(values.size()), values.data());
  CheckPending(env);
  return values;
}

namespace {

// What Java's arrays can hold.
jsize Size(JNIEnv* env, size_t count) {
  if (count > INT32_MAX) {
    Fail(env, MASR_INVALID_ARGUMENT, "more numbers than an array of Java holds; give less at once");
  }
  return static_cast<jsize>(count);
}

}  // namespace

jbyteArray ToJava(JNIEnv* env, std::string_view bytes) {
  const jsize size = Size(env, bytes.size());
  const jbyteArray array = env->NewByteArray(size);
  CheckPending(env);
  env->SetByteArrayRegion(array, 0, size, reinterpret_cast<const jbyte*>(bytes.data()));
  CheckPending(env);
  return array;
}

jlongArray ToJava(JNIEnv* env, const int64_t* values, size_t count) {
  const jsize size = Size(env, count);
  const jlongArray array = env->NewLongArray(size);
  CheckPending(env);
  static_assert(sizeof(jlong) == sizeof(int64_t));
  env->SetLongArrayRegion(array, 0, size, reinterpret_cast<const jlong*>(values));
  CheckPending(env);
  return array;
}

jdoubleArray ToJava(JNIEnv* env, const double* values, size_t count) {
  const jsize size = Size(env, count);
  const jdoubleArray array = env->NewDoubleArray(size);
  CheckPending(env);
  env->SetDoubleArrayRegion(array, 0, size, values);
  CheckPending(env);
  return array;
}

jintArray ToJava(JNIEnv* env, const int32_t* values, size_t count) {
  const jsize size = Size(env, count);
  const jintArray array = env->NewIntArray(size);
  CheckPending(env);
  static_assert(sizeof(jint) == sizeof(int32_t));
  env->SetIntArrayRegion(array, 0, size, reinterpret_cast<const jint*>(values));
  CheckPending(env);
  return array;
}

jfloatArray ToJava(JNIEnv* env, const float* values, size_t count) {
  const jsize size = Size(env, count);
  const jfloatArray array = env->NewFloatArray(size);
  CheckPending(env);
  env->SetFloatArrayRegion(array, 0, size, values);
  CheckPending(env);
  return array;
}

jbyteArray ToJava(JNIEnv* env, std::initializer_list<const char*> texts) {
  std::string joined;
  for (const char* text : texts) joined.append(text, std::strlen(text) + 1);
  return ToJava(env, std::string_view(joined));
}

void Write(JNIEnv* env, jlongArray to, std::initializer_list<jlong> values) {
  env->SetLongArrayRegion(to, 0, static_cast<jsize>(values.size()), values.begin());
  CheckPending(env);
}

void Write(JNIEnv* env, jdoubleArray to, std::initializer_list<jdouble> values) {
  env->SetDoubleArrayRegion(to, 0, static_cast<jsize>(values.size()), values.begin());
  CheckPending(env);
}

masr_training_options Training(JNIEnv* env, jlongArray integers, jdoubleArray reals) {
  const std::vector<jlong> whole = Longs(env, integers);
  const std::vector<jdouble> real = Doubles(env, reals);
  masr_training_options options = {};
  options.struct_size = sizeof(options);
  options.freeze_blocks = static_cast<int32_t>(whole[0]);
  options.tuning = static_cast<int32_t>(whole[1]);
  options.lora_rank = static_cast<int32_t>(whole[2]);
  options.optimizer_bits = static_cast<int32_t>(whole[3]);
  options.parts = static_cast<int32_t>(whole[4]);
  options.seed = static_cast<uint64_t>(whole[5]);
  options.adapter_width = static_cast<int32_t>(whole[6]);
  options.micro_batch_seconds = real[0];
  options.learning_rate = real[1];
  options.longest_s = real[2];
  return options;
}

}  // namespace mobileasr::java
