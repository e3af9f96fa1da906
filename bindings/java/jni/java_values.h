// Java's arrays and exceptions for the native side. Nothing here is kept from call to call: no
// global references, no cached classes, not even the JavaVM.
#ifndef MOBILEASR_BINDINGS_JAVA_JAVA_VALUES_H_
#define MOBILEASR_BINDINGS_JAVA_JAVA_VALUES_H_

#include <jni.h>
#include <mobileasr/mobileasr.h>

#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mobileasr::java {

// A Java exception is pending: on the way out of the native method.
struct Pending {};

// Throws Pending where Java has thrown.
void CheckPending(JNIEnv* env);
// Throws a MobileAsrException.
[[noreturn]] void Fail(JNIEnv* env, masr_status status, const char* message);
// Throws one with what the handle says, unless the call was fine.
void Check(JNIEnv* env, const masr_model* model, masr_status status);
void Check(JNIEnv* env, const masr_owner* owner, masr_status status);
void ThrowOutOfMemory(JNIEnv* env);

// The body of a native method. C++ exceptions end here; Java's are pending when it returns.
template <class Body>
auto Method(JNIEnv* env, const Body& body) {
  using Value = decltype(body());
  try {
    return body();
  } catch (const Pending&) {
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory(env);
  }
  return Value();
}

// A local reference that goes at the end of its scope: a loop may have any number of them.
template <class T>
class Local {
 public:
  Local(JNIEnv* env, jobject reference) : env_(env), reference_(static_cast<T>(reference)) {}
  ~Local() {
    if (reference_ != nullptr) env_->DeleteLocalRef(reference_);
  }
  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;
  T get() const { return reference_; }
  T release() {
    const T reference = reference_;
    reference_ = nullptr;
    return reference;
  }

 private:
  JNIEnv* env_;
  T reference_;
};

// Bytes of an array, which end with NUL where they are texts; null stays NULL.
class Text {
 public:
  Text(JNIEnv* env, jbyteArray array);
  const char* get() const { return null_ ? nullptr : bytes_.c_str(); }
  // The texts in it, each with its NUL.
  std::vector<const char*> Split() const;

 private:
  bool null_;
  std::string bytes_;
};

std::vector<jlong> Longs(JNIEnv* env, jlongArray array);
std::vector<jdouble> Doubles(JNIEnv* env, jdoubleArray array);

jbyteArray ToJava(JNIEnv* env, std::string_view bytes);
jlongArray ToJava(JNIEnv* env, const int64_t* values, size_t count);
jdoubleArray ToJava(JNIEnv* env, const double* values, size_t count);
jfloatArray ToJava(JNIEnv* env, const float* values, size_t count);
jintArray ToJava(JNIEnv* env, const int32_t* values, size_t count);
// Texts one after the other, each with its NUL.
jbyteArray ToJava(JNIEnv* env, std::initializer_list<const char*> texts);

void Write(JNIEnv* env, jlongArray to, std::initializer_list<jlong> values);
void Write(JNIEnv* env, jdoubleArray to, std::initializer_list<jdouble> values);

// masr_training_options of what TrainingOptions gives.
masr_training_options Training(JNIEnv* env, jlongArray integers, jdoubleArray reals);

template <class Handle>
Handle* At(jlong address) {
  return reinterpret_cast<Handle*>(address);
}

}  // namespace mobileasr::java

#endif  // MOBILEASR_BINDINGS_JAVA_JAVA_VALUES_H_
