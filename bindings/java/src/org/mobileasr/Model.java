package org.mobileasr;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * A recogniser that runs and learns: {@code masr_model}. Six functions: {@link #train}, {@link
 * #infer}, {@link #save}, {@link #restore}, {@link #loss}, {@link #parameters}; weights as arrays, for
 * federated learning; and functions by name, among them the app's own.
 *
 * <p>Calls take as long as they compute: none belongs on the thread that draws. A call that fails
 * throws a {@link MobileAsrException} and has changed nothing.
 */
public final class Model extends Handle {
  private final Functions functions = new Functions(this);

  private Model(int threads) {
    super("the model", Native.modelCreate(threads));
  }

  /** Loads a model file, with a thread for each core. */
  public static Model load(String path) {
    return load(path, 0);
  }

  /** Loads a model file, which must not be overwritten in place; {@code threads} 0: each core. */
  public static Model load(String path, int threads) {
    byte[] file = Utf8.needed("path", path);
    Model model = new Model(threads);
    try {
      model.call(handle -> Native.modelLoad(handle, file));
    } catch (RuntimeException | Error failed) {
      model.close();
      throw failed;
    }
    return model;
  }

  /** The library's version. */
  public static String version() {
    return Utf8.split(Native.version(), 1)[0];
  }

  /** What it is. */
  public ModelInfo describe() {
    long[] integers = new long[8];
    double[] reals = new double[2];
    byte[] name = get(handle -> Native.modelDescribe(handle, integers, reals));
    return new ModelInfo(Utf8.split(name, 1)[0], integers, reals);
  }

  /** Text of a token; "" of the blank. */
  public String token(int index) {
    return Utf8.split(get(handle -> Native.modelToken(handle, index)), 1)[0];
  }

  /** An audio file (WAV, FLAC, Ogg, Opus, MP3) at the recogniser's rate, mono. */
  public float[] readAudio(String path) {
    byte[] file = Utf8.needed("path", path);
    return get(handle -> Native.modelReadAudio(handle, file));
  }

  /** Chooses what learns, before the first update. */
  public void configure(TrainingOptions options) {
    call(handle -> Native.modelConfigure(handle, options.integers(), options.reals()));
  }

  /** For the updates from now on. */
  public void setLearningRate(double learningRate) {
    call(handle -> Native.modelSetLearningRate(handle, learningRate));
  }

  /** Forgets what the optimizer remembers and counts steps from 0; the weights stay. */
  public void resetOptimizer() {
    call(handle -> Native.modelResetOptimizer(handle));
  }

  /** One update on a batch. The same seed, weights and batches give the same bits. */
  public Step train(Speech speech) {
    byte[] texts = Utf8.of(speech.texts);
    long[] integers = new long[3];
    double[] reals = new double[2];
    call(
        handle ->
            Native.modelTrain(
                handle, speech.arrays(), speech.ranges(), speech.mels, speech.sampleRateHz, texts,
                integers, reals));
    return new Step(integers, reals);
  }

  /** What the recogniser hears. An utterance should not be much longer than 30 s. */
  public Inference infer(Speech speech) {
    return infer(speech, true);
  }

  /** Texts alone: {@link Inference#probabilities} is empty. */
  public Inference inferTexts(Speech speech) {
    return infer(speech, false);
  }

  private Inference infer(Speech speech, boolean probabilities) {
    long[] rows = new long[speech.size()];
    float[][] out = {new float[0]};
    byte[] texts =
        get(
            handle ->
                Native.modelInfer(
                    handle, speech.arrays(), speech.ranges(), speech.mels, speech.sampleRateHz,
                    rows, probabilities ? out : null));
    return new Inference(out[0], rows, Utf8.split(texts, speech.size()));
  }

  /** CTC loss of a batch; nothing is learned. */
  public Loss loss(Speech speech) {
    byte[] texts = Utf8.of(speech.texts);
    float[] losses = new float[speech.size()];
    double[] mean = new double[1];
    call(
        handle ->
            Native.modelLoss(
                handle, speech.arrays(), speech.ranges(), speech.mels, speech.sampleRateHz, texts,
                mean, losses));
    return new Loss(mean[0], losses);
  }

  /** Writes a checkpoint; after a crash at any instant there is the old file or the new one. */
  public void save(String path) {
    byte[] file = Utf8.needed("path", path);
    call(handle -> Native.modelSave(handle, file));
  }

  /** Goes on from a checkpoint, to the same bits as if there had been no break. */
  public void restore(String path) {
    byte[] file = Utf8.needed("path", path);
    call(handle -> Native.modelRestore(handle, file));
  }

  /** Every tensor, from the input up. */
  public List<Parameter> parameters() {
    return get(
        handle -> {
          List<Parameter> all = new ArrayList<>();
          long[] integers = new long[10];
          double[] reals = new double[3];
          for (int i = 0; ; ++i) {
            byte[] texts = Native.modelParameter(handle, i, integers, reals);
            if (texts == null) {
              return all;
            }
            String[] names = Utf8.split(texts, 2);
            all.add(new Parameter(names[0], names[1], integers, reals));
          }
        });
  }

  /** Times each block on this device, in a second or two, for {@link #parameters}. */
  public void measure() {
    call(handle -> Native.modelMeasure(handle));
  }

  /** The weights that learn, in the order of the parameters. */
  public Weights weights() {
    return get(
        handle -> {
          int count = Native.modelWeightCount(handle);
          long[][] shapes = new long[count][];
          float[][] values = new float[count][];
          byte[] names = Native.modelGetWeights(handle, shapes, values);
          return new Weights(Utf8.split(names, count), shapes, values);
        });
  }

  /** Sets all weights that learn, in any order, or throws and has set nothing. */
  public void setWeights(Weights weights) {
    byte[] names = Utf8.of(Arrays.asList(weights.names));
    call(handle -> Native.modelSetWeights(handle, names, weights.shapes, weights.values));
  }

  /** Writes a model file: the recogniser as it is now, LoRA merged. */
  public void export(String path, Format format) {
    byte[] file = Utf8.needed("path", path);
    call(handle -> Native.modelExport(handle, file, format.ordinal()));
  }

  /**
   * A language model, hotwords, or both, for the texts of {@link #infer} and of streams that are
   * made from now on; null: the best path again.
   */
  public void setDecoding(DecodingOptions options) {
    DecodingOptions wanted = options == null ? new DecodingOptions() : options;
    byte[] languageModel = Utf8.of(wanted.languageModel);
    byte[] hotwords = Utf8.of(wanted.hotwords);
    call(
        handle ->
            Native.modelSetDecoding(
                handle, languageModel, hotwords, wanted.reals(), wanted.beam));
  }

  /** A recogniser that listens, as by default: text while the sound arrives. */
  public Stream stream() {
    return stream(new StreamOptions());
  }

  /** A recogniser that listens. */
  public Stream stream(StreamOptions options) {
    return get(
        handle -> {
          long stream = Native.streamCreate(handle, options.integers(), options.reals());
          addPart(stream);
          return new Stream(this, stream);
        });
  }

  /** What the functions take and give: the six, then the app's. */
  public List<Signature> signatures() {
    return get(handle -> signatures(handle));
  }

  private static List<Signature> signatures(long handle) {
    List<Signature> all = new ArrayList<>();
    for (int i = 0; ; ++i) {
      long[][] numbers = new long[1][];
      byte[] texts = Native.modelFunction(handle, i, numbers);
      if (texts == null) {
        return all;
      }
      all.add(Signature.of(texts, numbers[0]));
    }
  }

  /**
   * Adds a function of the app's own, which is checked and called as the library's are. The model
   * keeps it.
   */
  public void register(Signature signature, Function function) {
    if (function == null) {
      throw MobileAsrException.invalid("a function must not be null");
    }
    byte[] texts = signature.texts();
    long[] numbers = signature.numbers();
    call(
        handle -> {
          Native.modelRegister(handle, functions.size(), texts, numbers);
          functions.add(function);
        });
  }

  /** Calls a function by its name, for all of its outputs. */
  public Map<String, Tensor> call(String function, Map<String, Tensor> inputs) {
    return call(function, inputs, (String[]) null);
  }

  /** Calls a function by its name, for these of its outputs (those that are not optional must be). */
  public Map<String, Tensor> call(String function, Map<String, Tensor> inputs, String... outputs) {
    byte[] name = Utf8.needed("function", function);
    byte[] inputNames = Utf8.of(new ArrayList<>(inputs.keySet()));
    List<Tensor> given = new ArrayList<>(inputs.values());
    long[] inputTypes = Functions.types(given);
    return get(
        handle -> {
          List<Signature.Value> known = new ArrayList<>();
          for (Signature signature : signatures(handle)) {
            if (signature.name.equals(function)) {
              known.addAll(signature.outputs);
            }
          }
          List<String> wanted = new ArrayList<>();
          if (outputs == null) {
            known.forEach(value -> wanted.add(value.name));
          } else {
            wanted.addAll(Arrays.asList(outputs));
          }
          byte[] names = Utf8.of(wanted);
          long[] types = new long[wanted.size()];
          Object[] shapes = new Object[types.length];
          Object[] values = new Object[types.length];
          long[] rooms = new long[types.length];
          for (int i = 0; i < types.length; ++i) {
            for (Signature.Value value : known) {
              if (value.name.equals(wanted.get(i))) {
                rooms[i] = value.fixedBytes();
              }
            }
          }
          Native.modelCall(
              handle, functions, name, inputNames, inputTypes, Functions.shapes(given),
              Functions.values(given), names, rooms, types, shapes, values);
          return Functions.tensors(names, types, shapes, values);
        });
  }

  @Override
  void destroy(long handle) {
    Native.modelDestroy(handle);
  }

  @Override
  void destroyPart(long part) {
    Native.streamDestroy(part);
  }

  @Override
  void cancel(long handle, boolean isCancelled) {
    Native.modelSetCancelled(handle, isCancelled);
  }
}
