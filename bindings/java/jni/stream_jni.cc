// Native.java's calls of masr_stream, and what is known of texts.
#include <jni.h>
#include <mobileasr/mobileasr.h>

#include <string>
#include <vector>

#include "java_speech.h"
#include "java_values.h"

namespace mobileasr::java {
namespace {

// StreamNews.java's numbers and texts.
struct News {
  std::vector<double> numbers;
  std::string texts;

  void Add(const char* text) { texts.append(text).push_back('\0'); }
};

void AddSegment(JNIEnv* env, masr_model* model, masr_stream* stream, size_t index, News& news) {
  masr_segment segment = {};
  segment.struct_size = sizeof(segment);
  Check(env, model, masr_segment_at(stream, index, &segment));
  news.numbers.insert(news.numbers.end(),
                      {segment.begin_seconds, segment.end_seconds,
                       static_cast<double>(segment.words), static_cast<double>(segment.texts)});
  for (size_t w = 0; w < segment.words; ++w) {
    masr_word word = {};
    word.struct_size = sizeof(word);
    Check(env, model, masr_word_at(stream, index, w, &word));
    news.Add(word.text);
    news.numbers.insert(news.numbers.end(),
                        {word.begin_seconds, word.end_seconds, word.confidence});
  }
  for (size_t t = 0; t < segment.texts; ++t) {
    masr_text text = {};
    text.struct_size = sizeof(text);
    Check(env, model, masr_text_at(stream, index, t, &text));
    news.Add(text.text);
    news.numbers.insert(news.numbers.end(), {text.score, text.confidence});
  }
}

jbyteArray Tell(JNIEnv* env, masr_model* model, masr_stream* stream, const masr_stream_news& told,
                jobjectArray numbers) {
  News news;
  news.numbers = {static_cast<double>(told.segments), static_cast<double>(told.partial_due),
                  told.seconds};
  for (size_t s = 0; s < told.segments; ++s) AddSegment(env, model, stream, s, news);
  const Local<jdoubleArray> out(env, ToJava(env, news.numbers.data(), news.numbers.size()));
  env->SetObjectArrayElement(numbers, 0, out.get());
  CheckPending(env);
  return ToJava(env, std::string_view(news.texts));
}

masr_stream_news NoNews() {
  masr_stream_news news = {};
  news.struct_size = sizeof(news);
  return news;
}

}  // namespace
}  // namespace mobileasr::java

using namespace mobileasr::java;  // NOLINT(google-build-using-namespace): this file is its border

extern "C" {

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelSetDecoding(JNIEnv* env, jclass,
                                                                  jlong address,
                                                                  jbyteArray language_model,
                                                                  jbyteArray hotwords,
                                                                  jdoubleArray reals, jint beam) {
  Method(env, [&] {
    auto* model = At<masr_model>(address);
    const Text file(env, language_model);
    const Text phrases(env, hotwords);
    const std::vector<jdouble> real = Doubles(env, reals);
    masr_decoding_options options = {};
    options.struct_size = sizeof(options);
    options.language_model = file.get();
    options.hotwords = phrases.get();
    options.hotword_boost = real[0];
    options.language_model_weight = real[1];
    options.word_score = real[2];
    options.unknown_score = real[3];
    options.beam = beam;
    Check(env, model, masr_set_decoding(model, &options));
  });
}

JNIEXPORT jlong JNICALL Java_org_mobileasr_Native_streamCreate(JNIEnv* env, jclass, jlong address,
                                                               jlongArray integers,
                                                               jdoubleArray reals) {
  return Method(env, [&]() -> jlong {
    auto* model = At<masr_model>(address);
    const std::vector<jlong> whole = Longs(env, integers);
    const std::vector<jdouble> real = Doubles(env, reals);
    masr_stream_options options = {};
    options.struct_size = sizeof(options);
    options.sample_rate_hz = static_cast<int32_t>(whole[0]);
    options.whole = static_cast<int32_t>(whole[1]);
    options.texts = static_cast<int32_t>(whole[2]);
    options.left_seconds = real[0];
    options.chunk_seconds = real[1];
    options.right_seconds = real[2];
    options.pause_seconds = real[3];
    masr_stream* stream = nullptr;
    Check(env, model, masr_stream_create(model, &options, &stream));
    return reinterpret_cast<jlong>(stream);
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_streamDestroy(JNIEnv*, jclass, jlong stream) {
  masr_stream_destroy(At<masr_stream>(stream));
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_streamPush(JNIEnv* env, jclass,
                                                                  jlong of_model, jlong address,
                                                                  jobject samples, jint offset,
                                                                  jint count,
                                                                  jobjectArray numbers) {
  return Method(env, [&] {
    auto* model = At<masr_model>(of_model);
    auto* stream = At<masr_stream>(address);
    const Local<jclass> buffer_type(env, env->FindClass("java/nio/FloatBuffer"));
    CheckPending(env);
    std::vector<float> copy;
    const float* data = nullptr;
    if (env->IsInstanceOf(samples, buffer_type.get()) != JNI_FALSE) {
      data = Direct(env, samples, offset, count);
    } else {
      copy.resize(static_cast<size_t>(count));
      env->GetFloatArrayRegion(static_cast<jfloatArray>(samples), offset, count, copy.data());
      CheckPending(env);
      data = copy.data();
    }
    masr_stream_news news = NoNews();
    Check(env, model, masr_stream_push(stream, data, static_cast<size_t>(count), &news));
    return Tell(env, model, stream, news, numbers);
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_streamPartial(JNIEnv* env, jclass,
                                                                     jlong model, jlong stream) {
  return Method(env, [&] {
    const char* text = nullptr;
    Check(env, At<masr_model>(model), masr_stream_partial(At<masr_stream>(stream), &text));
    return ToJava(env, {text});
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_streamFinish(JNIEnv* env, jclass,
                                                                    jlong model, jlong stream,
                                                                    jobjectArray numbers) {
  return Method(env, [&] {
    masr_stream_news news = NoNews();
    Check(env, At<masr_model>(model), masr_stream_finish(At<masr_stream>(stream), &news));
    return Tell(env, At<masr_model>(model), At<masr_stream>(stream), news, numbers);
  });
}

}  // extern "C"
