// Native.java's calls of masr_model.
#include <jni.h>
#include <mobileasr/mobileasr.h>

#include <string>
#include <vector>

#include "java_speech.h"
#include "java_values.h"

namespace mobileasr::java {
namespace {

// A call that gives nothing.
template <class Body>
void Do(JNIEnv* env, jlong model, const Body& body) {
  Method(env, [&] { Check(env, At<masr_model>(model), body(At<masr_model>(model))); });
}

// One that names a file and gives nothing.
void DoWithPath(JNIEnv* env, jlong model, jbyteArray path,
                masr_status (*function)(masr_model*, const char*)) {
  Do(env, model, [&](masr_model* of) { return function(of, Text(env, path).get()); });
}

// Shapes of no rank have no dimension, and what is beyond the rank is not told.
jlongArray Shape(JNIEnv* env, const masr_tensor& tensor) {
  return ToJava(env, tensor.shape, static_cast<size_t>(tensor.rank));
}

std::vector<masr_tensor> WeightTensors(JNIEnv* env, masr_model* model) {
  size_t count = 0;
  Check(env, model, masr_get_weights(model, nullptr, &count));
  std::vector<masr_tensor> tensors(count);
  Check(env, model, masr_get_weights(model, tensors.data(), &count));
  return tensors;
}

}  // namespace
}  // namespace mobileasr::java

using namespace mobileasr::java;  // NOLINT(google-build-using-namespace): this file is its border

extern "C" {

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_version(JNIEnv* env, jclass) {
  return Method(env, [&] { return ToJava(env, {masr_version()}); });
}

JNIEXPORT jlong JNICALL Java_org_mobileasr_Native_modelCreate(JNIEnv* env, jclass, jint threads) {
  return Method(env, [&]() -> jlong {
    masr_model_options options = {};
    options.struct_size = sizeof(options);
    options.threads = threads;
    masr_model* model = nullptr;
    const masr_status status = masr_model_create(&options, &model);
    if (status == MASR_NO_SPACE) throw std::bad_alloc();
    if (status != MASR_OK) Fail(env, status, "threads must be from 1 to 1024, or 0");
    return reinterpret_cast<jlong>(model);
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelDestroy(JNIEnv*, jclass, jlong model) {
  masr_model_destroy(At<masr_model>(model));
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelSetCancelled(JNIEnv*, jclass, jlong model,
                                                                   jboolean cancelled) {
  masr_model_set_cancelled(At<masr_model>(model), cancelled != JNI_FALSE ? 1 : 0);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelLoad(JNIEnv* env, jclass, jlong model,
                                                           jbyteArray path) {
  DoWithPath(env, model, path, masr_load);
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_modelDescribe(JNIEnv* env, jclass,
                                                                     jlong model,
                                                                     jlongArray integers,
                                                                     jdoubleArray reals) {
  return Method(env, [&] {
    masr_model_info info = {};
    info.struct_size = sizeof(info);
    Check(env, At<masr_model>(model), masr_describe(At<masr_model>(model), &info));
    Write(env, integers,
          {info.sample_rate_hz, info.mels, info.tokens, info.blocks,
           static_cast<jlong>(info.parameters), static_cast<jlong>(info.weights),
           info.trainable_count, info.steps});
    Write(env, reals, {info.frame_seconds, info.row_seconds});
    return ToJava(env, {info.name});
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_modelToken(JNIEnv* env, jclass, jlong model,
                                                                  jint index) {
  return Method(env, [&] {
    const char* text = nullptr;
    Check(env, At<masr_model>(model), masr_token(At<masr_model>(model), index, &text));
    return ToJava(env, {text});
  });
}

JNIEXPORT jfloatArray JNICALL Java_org_mobileasr_Native_modelReadAudio(JNIEnv* env, jclass,
                                                                       jlong address,
                                                                       jbyteArray path) {
  return Method(env, [&] {
    auto* model = At<masr_model>(address);
    const Text file(env, path);
    size_t count = 0;
    Check(env, model, masr_read_audio(model, file.get(), nullptr, &count));
    std::vector<float> samples(count);
    Check(env, model, masr_read_audio(model, file.get(), samples.data(), &count));
    return ToJava(env, samples.data(), count);
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelConfigure(JNIEnv* env, jclass, jlong model,
                                                                jlongArray integers,
                                                                jdoubleArray reals) {
  Do(env, model, [&](masr_model* of) {
    const masr_training_options options = Training(env, integers, reals);
    return masr_configure(of, &options);
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelSetLearningRate(JNIEnv* env, jclass,
                                                                      jlong model, jdouble rate) {
  Do(env, model, [&](masr_model* of) { return masr_set_learning_rate(of, rate); });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelResetOptimizer(JNIEnv* env, jclass,
                                                                     jlong model) {
  Do(env, model, masr_reset_optimizer);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelMeasure(JNIEnv* env, jclass, jlong model) {
  Do(env, model, masr_measure);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelTrain(JNIEnv* env, jclass, jlong address,
                                                            jobjectArray values, jlongArray ranges,
                                                            jint mels, jint rate_hz,
                                                            jbyteArray texts, jlongArray integers,
                                                            jdoubleArray reals) {
  Method(env, [&] {
    auto* model = At<masr_model>(address);
    const JavaSpeech speech(env, model, values, ranges, mels, rate_hz, texts);
    masr_step step = {};
    step.struct_size = sizeof(step);
    Check(env, model, masr_train(model, speech.get(), &step));
    Write(env, integers, {step.step, step.frames, step.tokens});
    Write(env, reals, {step.loss, step.gradient_norm});
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_modelInfer(
    JNIEnv* env, jclass, jlong address, jobjectArray values, jlongArray ranges, jint mels,
    jint rate_hz, jlongArray rows, jobjectArray probabilities) {
  return Method(env, [&] {
    auto* model = At<masr_model>(address);
    const JavaSpeech speech(env, model, values, ranges, mels, rate_hz, nullptr);
    masr_inference heard = {};
    heard.struct_size = sizeof(heard);
    Check(env, model, masr_infer(model, speech.get(), &heard));
    std::vector<float> numbers(probabilities == nullptr ? 0 : heard.probabilities_count);
    std::string texts(heard.texts_bytes, '\0');
    std::vector<int64_t> each(speech.get()->count);
    if (probabilities != nullptr) heard.probabilities = numbers.data();
    heard.rows = each.data();
    heard.texts = texts.data();
    Check(env, model, masr_infer(model, speech.get(), &heard));
    static_assert(sizeof(jlong) == sizeof(int64_t));
    env->SetLongArrayRegion(rows, 0, static_cast<jsize>(each.size()),
                            reinterpret_cast<const jlong*>(each.data()));
    CheckPending(env);
    if (probabilities != nullptr) {
      const Local<jfloatArray> out(env, ToJava(env, numbers.data(), heard.probabilities_count));
      env->SetObjectArrayElement(probabilities, 0, out.get());
      CheckPending(env);
    }
    return ToJava(env, std::string_view(texts.data(), heard.texts_bytes));
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelLoss(JNIEnv* env, jclass, jlong address,
                                                           jobjectArray values, jlongArray ranges,
                                                           jint mels, jint rate_hz,
                                                           jbyteArray texts, jdoubleArray mean,
                                                           jfloatArray losses) {
  Method(env, [&] {
    auto* model = At<masr_model>(address);
    const JavaSpeech speech(env, model, values, ranges, mels, rate_hz, texts);
    std::vector<float> each(speech.get()->count);
    double loss = 0;
    Check(env, model, masr_loss(model, speech.get(), &loss, each.data()));
    Write(env, mean, {loss});
    env->SetFloatArrayRegion(losses, 0, static_cast<jsize>(each.size()), each.data());
    CheckPending(env);
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelSave(JNIEnv* env, jclass, jlong model,
                                                           jbyteArray path) {
  DoWithPath(env, model, path, masr_save);
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelRestore(JNIEnv* env, jclass, jlong model,
                                                              jbyteArray path) {
  DoWithPath(env, model, path, masr_restore);
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_modelParameter(JNIEnv* env, jclass,
                                                                      jlong address, jint index,
                                                                      jlongArray integers,
                                                                      jdoubleArray reals) {
  return Method(env, [&]() -> jbyteArray {
    auto* model = At<masr_model>(address);
    masr_parameter p = {};
    p.struct_size = sizeof(p);
    const masr_status status = masr_parameter_at(model, static_cast<size_t>(index), &p);
    if (status == MASR_NOT_FOUND) return nullptr;
    Check(env, model, status);
    static_assert(MASR_MAX_RANK == 4);
    Write(env, integers,
          {p.dtype, p.bytes, p.trainable, p.block, p.training_bytes, p.rank, p.shape[0], p.shape[1],
           p.shape[2], p.shape[3]});
    Write(env, reals, {p.block_forward_seconds, p.block_backward_seconds, p.update_seconds});
    return ToJava(env, {p.name, p.block_name});
  });
}

JNIEXPORT jint JNICALL Java_org_mobileasr_Native_modelWeightCount(JNIEnv* env, jclass,
                                                                  jlong model) {
  return Method(env, [&]() -> jint {
    size_t count = 0;
    Check(env, At<masr_model>(model), masr_get_weights(At<masr_model>(model), nullptr, &count));
    return static_cast<jint>(count);
  });
}

JNIEXPORT jbyteArray JNICALL Java_org_mobileasr_Native_modelGetWeights(JNIEnv* env, jclass,
                                                                       jlong address,
                                                                       jobjectArray shapes,
                                                                       jobjectArray values) {
  return Method(env, [&] {
    auto* model = At<masr_model>(address);
    std::vector<masr_tensor> tensors = WeightTensors(env, model);
    std::vector<std::vector<float>> numbers;
    for (masr_tensor& tensor : tensors) {
      tensor.data = numbers.emplace_back(tensor.bytes / sizeof(float)).data();
    }
    size_t count = tensors.size();
    Check(env, model, masr_get_weights(model, tensors.data(), &count));
    std::string names;
    for (size_t i = 0; i < count; ++i) {
      names.append(tensors[i].name).push_back('\0');
      const Local<jlongArray> shape(env, Shape(env, tensors[i]));
      env->SetObjectArrayElement(shapes, static_cast<jsize>(i), shape.get());
      CheckPending(env);
      const Local<jfloatArray> own(env, ToJava(env, numbers[i].data(), numbers[i].size()));
      env->SetObjectArrayElement(values, static_cast<jsize>(i), own.get());
      CheckPending(env);
      numbers[i] = {};  // twice in memory one at a time only
    }
    return ToJava(env, std::string_view(names));
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelSetWeights(JNIEnv* env, jclass, jlong model,
                                                                 jbyteArray names,
                                                                 jobjectArray shapes,
                                                                 jobjectArray values) {
  Do(env, model, [&](masr_model* of) {
    const Text joined(env, names);
    const std::vector<const char*> each = joined.Split();
    std::vector<masr_tensor> tensors(each.size());
    std::vector<std::vector<float>> numbers(each.size());
    for (size_t i = 0; i < each.size(); ++i) {
      const auto at = static_cast<jsize>(i);
      const Local<jlongArray> shape(env, env->GetObjectArrayElement(shapes, at));
      CheckPending(env);
      const Local<jfloatArray> own(env, env->GetObjectArrayElement(values, at));
      CheckPending(env);
      if (shape.get() == nullptr || own.get() == nullptr) {
        Fail(env, MASR_INVALID_ARGUMENT,
             (std::string(each[i]) + ": shape and values must not be null").c_str());
      }
      const std::vector<jlong> dimensions = Longs(env, shape.get());
      const jsize count = env->GetArrayLength(own.get());
      numbers[i].resize(static_cast<size_t>(count));
      env->GetFloatArrayRegion(own.get(), 0, count, numbers[i].data());
      CheckPending(env);
      masr_tensor& tensor = tensors[i];
      tensor.name = each[i];
      tensor.dtype = MASR_F32;
      // A rank beyond what there is cannot be told; the library refuses it.
      tensor.rank = static_cast<int32_t>(dimensions.size());
      for (size_t d = 0; d < dimensions.size() && d < MASR_MAX_RANK; ++d) {
        tensor.shape[d] = dimensions[d];
      }
      tensor.data = numbers[i].data();
      tensor.bytes = numbers[i].size() * sizeof(float);
    }
    return masr_set_weights(of, tensors.data(), tensors.size());
  });
}

JNIEXPORT void JNICALL Java_org_mobileasr_Native_modelExport(JNIEnv* env, jclass, jlong model,
                                                             jbyteArray path, jint format) {
  Do(env, model, [&](masr_model* of) { return masr_export(of, Text(env, path).get(), format); });
}

}  // extern "C"
