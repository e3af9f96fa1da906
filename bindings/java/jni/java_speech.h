// Speech.java as a masr_speech.
#ifndef MOBILEASR_BINDINGS_JAVA_JAVA_SPEECH_H_
#define MOBILEASR_BINDINGS_JAVA_JAVA_SPEECH_H_

#include <string>
#include <vector>

#include "java_values.h"

namespace mobileasr::java {

// The values [first, first + count) of a direct FloatBuffer, where they lie.
const float* Direct(JNIEnv* env, jobject buffer, jlong first, jlong count);

class JavaSpeech {
 public:
  // `values`: float[] or direct FloatBuffer of each utterance; `ranges`: first value and number of
  // values of each; `mels` 0: audio; `texts` may be null. A single direct buffer is not copied.
  JavaSpeech(JNIEnv* env, masr_model* model, jobjectArray values, jlongArray ranges, jint mels,
             jint rate_hz, jbyteArray texts);
  JavaSpeech(const JavaSpeech&) = delete;
  JavaSpeech& operator=(const JavaSpeech&) = delete;

  const masr_speech* get() const { return &speech_; }

 private:
  std::vector<float> copies_;
  std::vector<int64_t> lengths_;
  Text texts_;
  std::vector<const char*> each_text_;
  masr_speech speech_ = {};
};

}  // namespace mobileasr::java

#endif  // MOBILEASR_BINDINGS_JAVA_JAVA_SPEECH_H_
