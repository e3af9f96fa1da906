#include "java_speech.h"

#include <algorithm>

namespace mobileasr::java {
namespace {

// What the C interface cannot see: it takes the caller's word for the width.
void CheckWidth(JNIEnv* env, masr_model* model, jint mels) {
  masr_model_info info = {};
  info.struct_size = sizeof(info);
  Check(env, model, masr_describe(model, &info));
  if (info.mels == mels) return;
  const std::string message = "features are " + std::to_string(mels) + " wide; this recogniser's " +
                              "are " + std::to_string(info.mels);
  Fail(env, MASR_INVALID_ARGUMENT, message.c_str());
}

}  // namespace

const float* Direct(JNIEnv* env, jobject buffer, jlong first, jlong count) {
  const auto* values = static_cast<const float*>(env->GetDirectBufferAddress(buffer));
  if (values == nullptr || env->GetDirectBufferCapacity(buffer) < first + count) {
    Fail(env, MASR_INVALID_ARGUMENT, "a FloatBuffer is not direct or not as long as it was");
  }
  return values + first;
}

JavaSpeech::JavaSpeech(JNIEnv* env, masr_model* model, jobjectArray values, jlongArray ranges,
                       jint mels, jint rate_hz, jbyteArray texts)
    : texts_(env, texts) {
  if (mels > 0) CheckWidth(env, model, mels);
  const std::vector<jlong> range = Longs(env, ranges);
  const size_t count = range.size() / 2;
  const Local<jclass> buffer_type(env, env->FindClass("java/nio/FloatBuffer"));
  CheckPending(env);
  size_t total = 0;
  for (size_t u = 0; u < count; ++u) {
    total += static_cast<size_t>(range[2 * u + 1]);
    lengths_.push_back(range[2 * u + 1] / std::max<jlong>(1, mels));
  }
  const float* data = nullptr;
  for (size_t u = 0; u < count; ++u) {
    const jlong first = range[2 * u];
    const jlong own = range[2 * u + 1];
    const Local<jobject> each(env, env->GetObjectArrayElement(values, static_cast<jsize>(u)));
    CheckPending(env);
    const bool is_buffer = env->IsInstanceOf(each.get(), buffer_type.get()) != JNI_FALSE;
    if (is_buffer && count == 1) {
      data = Direct(env, each.get(), first, own);  // `values` keeps the buffer
      break;
    }
    if (copies_.empty()) copies_.reserve(total);
    if (is_buffer) {
      const float* samples = Direct(env, each.get(), first, own);
      copies_.insert(copies_.end(), samples, samples + own);
    } else {
      const size_t at = copies_.size();
      copies_.resize(at + static_cast<size_t>(own));
      env->GetFloatArrayRegion(static_cast<jfloatArray>(each.get()), static_cast<jsize>(first),
                               static_cast<jsize>(own), copies_.data() + at);
      CheckPending(env);
    }
  }
  // An utterance of no samples is the library's to refuse; it wants to see audio, though.
  static constexpr float kNone = 0;
  if (data == nullptr) data = copies_.empty() ? &kNone : copies_.data();
  each_text_ = texts_.Split();
  speech_.struct_size = sizeof(speech_);
  speech_.count = count;
  (mels > 0 ? speech_.features : speech_.audio) = data;
  speech_.lengths = lengths_.data();
  speech_.sample_rate_hz = rate_hz;
  speech_.texts = texts == nullptr ? nullptr : each_text_.data();
}

}  // namespace mobileasr::java
