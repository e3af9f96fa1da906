package org.mobileasr;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/** The Java classes on a JVM: MobileAsrTest ASSETS. Best with -Xcheck:jni. */
public final class MobileAsrTest {
  private static String assets;
  private static Path folder;
  private static int failures;

  private MobileAsrTest() {}

  private interface Body {
    void run() throws Exception;
  }

  private static void test(String name, Body body) throws IOException {
    folder = Files.createTempDirectory("mobileasr");
    try {
      body.run();
      System.out.println("ok      " + name);
    } catch (Throwable wrong) {
      ++failures;
      System.out.println("FAILED  " + name);
      wrong.printStackTrace(System.out);
    } finally {
      remove(folder);
    }
  }

  private static void remove(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      try (DirectoryStream<Path> inside = Files.newDirectoryStream(path)) {
        for (Path each : inside) {
          remove(each);
        }
      }
    }
    Files.delete(path);
  }

  private static void check(boolean holds, Object what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static void same(Object expected, Object was) {
    check(expected.equals(was), was + " is not " + expected);
  }

  private static MobileAsrException fails(Status status, String message, Body body)
      throws Exception {
    try {
      body.run();
    } catch (MobileAsrException failed) {
      same(status, failed.status());
      same(status.ordinal(), failed.code());
      check(
          failed.getMessage().contains(message),
          "'" + failed.getMessage() + "' does not say '" + message + "'");
      return failed;
    }
    throw new AssertionError("did not fail with " + status + ": " + message);
  }

  private static <T extends Throwable> T throwsA(Class<T> type, Body body) throws Exception {
    try {
      body.run();
    } catch (Throwable thrown) {
      check(type.isInstance(thrown), thrown);
      return type.cast(thrown);
    }
    throw new AssertionError("did not throw a " + type);
  }

  private static Model tiny() {
    return Model.load(assets + "/tiny.masr", 1);
  }

  /** Each letter a tone of its own, 0.2 s long. */
  private static float[] tones(String text) {
    final int rate = 16000;
    float[] samples = new float[text.length() * rate / 5];
    for (int i = 0; i < samples.length; ++i) {
      char letter = text.charAt(i / (rate / 5));
      double hz = letter == ' ' ? 0 : 300 + 100 * (letter - 'a');
      samples[i] = (float) (0.4 * Math.sin(2 * Math.PI * hz * i / rate));
    }
    return samples;
  }

  private static Speech threeTexts() {
    return new Speech()
        .add(tones("abcd"), "abcd")
        .add(tones("bad cab"), "bad cab")
        .add(tones("add"), "add");
  }

  private static FloatBuffer direct(float[] values, ByteOrder order) {
    FloatBuffer buffer =
        ByteBuffer.allocateDirect(4 * (values.length + 3)).order(order).asFloatBuffer();
    buffer.position(2);
    buffer.put(values);
    buffer.position(2);
    buffer.limit(2 + values.length);
    return buffer;
  }

  private static void sixFunctions() throws Exception {
    String checkpoint = folder + "/checkpoint";
    Speech batch = threeTexts();
    try (Model model = tiny()) {
      List<Parameter> parameters = model.parameters();
      same(model.describe().parameters, parameters.size());
      check(parameters.get(0).bytes > 0, "bytes");
      Loss before = model.loss(batch);
      same(3, before.utterances.length);
      double sum = before.utterances[0] + before.utterances[1] + before.utterances[2];
      check(Math.abs(sum / 14 - before.perToken) < 1e-5, before.perToken);
      for (int update = 1; update <= 3; ++update) {
        Step step = model.train(batch);
        same((long) update, step.step);
        same(14L, step.tokens);
        check(step.loss > 0 && step.gradientNorm > 0 && step.frames > 100, step.loss);
      }
      check(model.loss(batch).perToken < before.perToken, "nothing was learned");
      model.save(checkpoint);
      double next = model.train(batch).loss;
      double after = model.train(batch).loss;
      check(next != after, next);
      model.restore(checkpoint);
      same(next, model.train(batch).loss);
      try (Model other = Model.load(assets + "/tiny.masr", 2)) {
        other.restore(checkpoint);
        same(3L, other.describe().steps);
        same(next, other.train(batch).loss);
        same(after, other.train(batch).loss);
      }
      String exported = folder + "/learned.masr";
      model.export(exported, Format.F32);
      try (Model learned = Model.load(exported)) {
        same(model.loss(batch).perToken, learned.loss(batch).perToken);
      }
    }
  }

  private static void describes() {
    try (Model model = Model.load(assets + "/tiny.masr")) {
      ModelInfo info = model.describe();
      same(16000, info.sampleRateHz);
      same(29, info.tokens);
      same(0, info.weights);
      same("", model.token(0));
      Set<String> tokens = new HashSet<>();
      for (int i = 1; i < info.tokens; ++i) {
        tokens.add(model.token(i));
      }
      check(tokens.contains("a") && tokens.contains("'") && tokens.size() == 28, tokens);
      model.measure();
      double seconds = 0;
      for (Parameter parameter : model.parameters()) {
        seconds += parameter.blockForwardSeconds;
      }
      check(seconds > 0, seconds);
      same("0.1.0", Model.version());
    }
  }

  private static void signatures() {
    try (Model model = tiny()) {
      List<String> names = new ArrayList<>();
      for (Signature signature : model.signatures()) {
        names.add(signature.name);
        check(!signature.meaning.isEmpty(), signature.name);
      }
      same(Arrays.asList("train", "infer", "save", "restore", "loss", "parameters"), names);
      Signature train = model.signatures().get(0);
      Signature.Value audio = train.inputs.get(0);
      same("audio", audio.name);
      same("f32", audio.type);
      check(Arrays.equals(new long[] {-1}, audio.shape), audio.shape);
      check(audio.optional, "features may stand in its place");
      same("loss", train.outputs.get(0).name);
      same("f64", train.outputs.get(0).type);
      same(0, train.outputs.get(0).shape.length);
    }
  }

  private static Map<String, Tensor> inputs(Object... namesAndTensors) {
    Map<String, Tensor> inputs = new LinkedHashMap<>();
    for (int i = 0; i < namesAndTensors.length; i += 2) {
      inputs.put((String) namesAndTensors[i], (Tensor) namesAndTensors[i + 1]);
    }
    return inputs;
  }

  private static void functionsByName() throws Exception {
    float[] samples = tones("abcd bad");
    Speech one = new Speech().add(samples, "abcd bad");
    try (Model model = tiny();
        Model other = tiny()) {
      Map<String, Tensor> speech =
          inputs(
              "audio", Tensor.of(samples), "lengths", Tensor.of(new long[] {samples.length}),
              "sample_rate_hz", Tensor.scalar(16000));
      Map<String, Tensor> said = new LinkedHashMap<>(speech);
      said.put("text", Tensor.text("abcd bad\n"));
      Map<String, Tensor> loss = model.call("loss", said);
      same(model.loss(one).perToken, loss.get("loss").doubles()[0]);
      same(0, loss.get("loss").shape.length);
      check(Arrays.equals(model.loss(one).utterances, loss.get("losses").floats()), "losses");
      Inference expected = model.infer(one);
      Map<String, Tensor> heard = model.call("infer", speech, "text", "rows", "probabilities");
      same(Arrays.asList("text", "rows", "probabilities"), new ArrayList<>(heard.keySet()));
      same(expected.texts[0] + "\n", heard.get("text").text());
      same(expected.rows[0], heard.get("rows").longs()[0]);
      Tensor probabilities = heard.get("probabilities");
      check(Arrays.equals(expected.probabilities, probabilities.floats()), "probabilities");
      check(Arrays.equals(new long[] {expected.rows[0], 29}, probabilities.shape), "shape");
      same(other.train(one).loss, model.call("train", said).get("loss").doubles()[0]);
      String checkpoint = folder + "/checkpoint";
      same(0, model.call("save", inputs("path", Tensor.text(checkpoint))).size());
      other.call("restore", inputs("path", Tensor.text(checkpoint)));
      check(model.call("parameters", inputs()).get("table").text().startsWith("[{"), "table");

      fails(Status.NOT_FOUND, "'fly'", () -> model.call("fly", inputs()));
      fails(
          Status.INVALID_ARGUMENT, "input 'sound' is not in the signature",
          () -> model.call("infer", inputs("sound", Tensor.of(samples))));
      fails(
          Status.INVALID_ARGUMENT, "output 'gain' is not",
          () -> model.call("infer", speech, "gain"));
      fails(
          Status.INVALID_ARGUMENT, "rank 1",
          () -> model.call("infer", inputs("audio", Tensor.of(new float[4], 2, 2), "lengths",
              Tensor.of(new long[] {4}))));
      fails(
          Status.INVALID_ARGUMENT, "rank 1",
          () -> model.call("infer", inputs("audio", Tensor.of(new float[1], 1, 1, 1, 1, 1, 1),
              "lengths", Tensor.of(new long[] {1}))));
      fails(
          Status.INVALID_ARGUMENT, "dtype 1",
          () -> model.call("infer", inputs("audio", Tensor.of(new int[4]), "lengths",
              Tensor.of(new long[] {4}))));
      fails(Status.INVALID_ARGUMENT, "f32 is not one of f64", () -> Tensor.scalar(1f).doubles());
      fails(Status.INVALID_ARGUMENT, "[2, 2]", () -> Tensor.of(new byte[3], 2, 2));
      fails(
          Status.INVALID_ARGUMENT, "none of the shape",
          () -> Tensor.of(new byte[0], 1L << 32, 1L << 32));
      same(0, Tensor.of(new byte[0], 0, 1L << 40).bytes().length);
    }
  }

  private static Signature.Value value(String name, String type, boolean optional, long... shape) {
    return new Signature.Value(name, type, shape, optional, "a value");
  }

  private static Signature row(String name, List<Signature.Value> in, Signature.Value... out) {
    return new Signature(name, "of the app", in, Arrays.asList(out));
  }

  private static void functionsOfOnesOwn() throws Exception {
    float[] samples = tones("abcd bad");
    List<Signature.Value> in =
        Arrays.asList(value("audio", "f32", false, -1), value("name", "u8", true, -1));
    try (Model model = tiny()) {
      int[] calls = {0};
      String[] name = {null};
      Function embed =
          inputs -> {
            ++calls[0];
            name[0] = inputs.containsKey("name") ? inputs.get("name").text() : null;
            Inference heard = model.infer(new Speech().add(inputs.get("audio").floats()));
            double[] mean = new double[29];
            for (int i = 0; i < heard.probabilities.length; ++i) {
              mean[i % 29] += heard.probabilities[i] / heard.rows[0];
            }
            return inputs(
                "mean", Tensor.of(mean), "all", Tensor.of(heard.probabilities, heard.rows[0], 29),
                "rows", Tensor.scalar((int) heard.rows[0]));
          };
      Signature signature =
          row("embed", in, value("mean", "f64", false, 29), value("all", "f32", true, -1, -1),
              value("rows", "i32", true));
      model.register(signature, embed);
      Signature listed = model.signatures().get(6);
      same("embed", listed.name);
      check(listed.inputs.get(1).optional, "name");
      check(Arrays.equals(new long[] {-1, -1}, listed.outputs.get(1).shape), "all");
      float[] expected = model.infer(new Speech().add(samples)).probabilities;
      Map<String, Tensor> audio = inputs("audio", Tensor.of(samples));
      Map<String, Tensor> told =
          model.call("embed", inputs("audio", Tensor.of(samples), "name", Tensor.text("\u00fc")));
      check(Arrays.equals(expected, told.get("all").floats()), "all");
      same(expected.length / 29, told.get("rows").ints()[0]);
      same(0, told.get("rows").shape.length);
      same(29, told.get("mean").doubles().length);
      same(1, calls[0]); // although it took two calls to find room
      same("\u00fc", name[0]);
      same(Collections.singleton("mean"), model.call("embed", audio, "mean").keySet());
      same(null + "", name[0] + "");

      // One that calls another, a thousand times: nothing is left of what it hands to and fro.
      model.register(
          row("often", in, value("sum", "i64", false)),
          inputs -> {
            long sum = 0;
            for (int i = 0; i < 1000; ++i) {
              sum += model.call("one", inputs()).get("one").longs()[0];
            }
            return inputs("sum", Tensor.scalar(sum));
          });
      model.register(
          row("one", Collections.emptyList(), value("one", "i64", false, -1)),
          inputs -> inputs("one", Tensor.of(new long[] {1})));
      same(1000L, model.call("often", audio).get("sum").longs()[0]);

      fails(Status.INVALID_ARGUMENT, "'audio' is missing", () -> model.call("embed", inputs()));
      fails(Status.INVALID_ARGUMENT, "'embed' already", () -> model.register(signature, embed));
      fails(
          Status.INVALID_ARGUMENT, "rank must be 0 to 4",
          () -> model.register(row("deep", in, value("a", "f32", false, 1, 2, 3, 4, 5)), embed));
      fails(
          Status.INVALID_ARGUMENT, "not f16",
          () -> model.register(row("half", in, value("a", "f16", false)), embed));
      // What was refused has not taken the place of what follows.
      model.register(
          row("last", in, value("a", "u8", false)),
          inputs -> inputs("a", Tensor.of(new byte[] {7}, new long[] {1})));
      fails(Status.INVALID_ARGUMENT, "'a' must be of dtype 5", () -> model.call("last", audio));
      try (Model other = tiny()) {
        fails(Status.NOT_FOUND, "'embed'", () -> other.call("embed", audio));
      }
    }
  }

  private static void whatFunctionsThrowComesOut() throws Exception {
    Model model = tiny();
    AtomicReference<Function> own = new AtomicReference<>();
    model.register(
        row("own", Collections.emptyList(), value("pair", "i32", false, 2)),
        inputs -> own.get().call(inputs));
    Body call = () -> model.call("own", inputs());
    own.set(inputs -> inputs("pair", Tensor.of(new int[] {3, 4})));
    same(4, model.call("own", inputs()).get("pair").ints()[1]);
    own.set(
        inputs -> {
          throw new UnsupportedOperationException("not today");
        });
    same("not today", throwsA(UnsupportedOperationException.class, call).getMessage());
    own.set(inputs -> Collections.singletonMap("pair", Tensor.text(model.token(99))));
    fails(Status.NOT_FOUND, "99", call); // of a call within
    own.set(inputs -> null);
    fails(Status.INVALID_ARGUMENT, "given no 'pair'", call);
    own.set(inputs -> inputs("pair", Tensor.of(new long[] {3, 4})));
    fails(Status.INVALID_ARGUMENT, "'pair' as i64, not i32", call);
    own.set(inputs -> inputs("pair", Tensor.of(new int[3])));
    fails(Status.INVALID_ARGUMENT, "dimension 0 must not be 3", call);
    own.set(inputs -> inputs("pair", Tensor.of(new int[2], 1, 1, 1, 1, 2)));
    fails(Status.INVALID_ARGUMENT, "rank 1", call);

    // Its own thread may call; another one waits for its turn.
    own.set(
        inputs -> {
          AtomicReference<Throwable> other = new AtomicReference<>();
          Thread thread =
              new Thread(
                  () -> {
                    try {
                      model.describe();
                    } catch (RuntimeException refused) {
                      other.set(refused);
                    }
                  });
          thread.start();
          try {
            thread.join();
          } catch (InterruptedException unexpected) {
            throw new AssertionError(unexpected);
          }
          check(is(Status.BUSY, other.get()), other.get());
          return inputs("pair", Tensor.of(new int[] {model.describe().tokens, 1}));
        });
    same(29, model.call("own", inputs()).get("pair").ints()[0]);

    // Closed within: it goes when the call is over.
    own.set(
        inputs -> {
          model.close();
          model.describe();
          return null;
        });
    check(throwsA(IllegalStateException.class, call).getMessage().contains("closed"), "closed");
    throwsA(IllegalStateException.class, model::describe);
  }

  private static void arraysAndBuffersAreTheSame() {
    float[] samples = tones("abcd bad");
    ByteOrder foreign =
        ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN
            ? ByteOrder.LITTLE_ENDIAN
            : ByteOrder.BIG_ENDIAN;
    try (Model model = tiny()) {
      Inference expected = model.infer(new Speech().add(samples));
      same((long) expected.probabilities.length, expected.rows[0] * 29);
      FloatBuffer[] buffers = {
        direct(samples, ByteOrder.nativeOrder()), direct(samples, foreign), FloatBuffer.wrap(samples)
      };
      for (FloatBuffer buffer : buffers) {
        int position = buffer.position();
        Inference heard = model.infer(new Speech().add(buffer));
        check(Arrays.equals(expected.probabilities, heard.probabilities), buffer);
        same(position, buffer.position());
      }
      Speech mixed = new Speech().add(samples);
      for (FloatBuffer buffer : buffers) {
        mixed.add(buffer);
      }
      Inference heard = model.infer(mixed);
      same(4, heard.texts.length);
      for (int u = 0; u < 4; ++u) {
        same(expected.rows[0], heard.rows[u]);
        same(expected.texts[0], heard.texts[u]);
      }
      Inference texts = model.inferTexts(mixed);
      same(0, texts.probabilities.length);
      check(Arrays.equals(heard.texts, texts.texts), texts.texts);
      // A rate of its own: the same sound, a little longer.
      Inference slower = model.infer(new Speech().sampleRateHz(8000).add(samples));
      check(slower.rows[0] > 1.9 * expected.rows[0], slower.rows[0]);
    }
  }

  private static void features() throws Exception {
    try (Model model = tiny()) {
      int mels = model.describe().mels;
      float[] frames = new float[mels * 100];
      for (int i = 0; i < frames.length; ++i) {
        frames[i] = (float) Math.sin(i);
      }
      Inference heard = model.infer(Speech.ofFeatures(mels).add(frames));
      check(heard.rows[0] > 10, heard.rows[0]);
      fails(
          Status.INVALID_ARGUMENT, mels + 1 + " wide",
          () -> model.infer(Speech.ofFeatures(mels + 1).add(new float[100 * (mels + 1)])));
      fails(
          Status.INVALID_ARGUMENT, "no frames",
          () -> Speech.ofFeatures(mels).add(new float[mels + 1]));
    }
  }

  private static void federatedWeights() throws Exception {
    TrainingOptions options = new TrainingOptions();
    options.freezeBlocks = 6;
    try (Model model = tiny();
        Model other = tiny()) {
      model.configure(options);
      other.configure(options);
      model.train(threeTexts());
      Weights weights = model.weights();
      same(model.describe().weights, weights.size());
      int at = 0;
      long numbers = 0;
      for (Parameter parameter : model.parameters()) {
        if (!parameter.trainable) {
          continue;
        }
        same(parameter.name, weights.names[at]);
        check(Arrays.equals(parameter.shape, weights.shapes[at]), parameter.name);
        long size = 1;
        for (long n : parameter.shape) {
          size *= n;
        }
        same(size, (long) weights.values[at].length);
        numbers += size;
        ++at;
      }
      same(weights.size(), at);
      same(model.describe().trainableCount, numbers);

      other.setWeights(weights);
      check(Arrays.deepEquals(weights.values, other.weights().values), "values");
      same(model.loss(threeTexts()).perToken, other.loss(threeTexts()).perToken);

      int bias = Arrays.asList(weights.names).indexOf("head.bias");
      float[] good = weights.values[bias];
      weights.values[bias] = new float[3];
      weights.shapes[bias] = new long[] {3};
      fails(
          Status.INVALID_ARGUMENT, "'head.bias' is [29] here and [3]",
          () -> other.setWeights(weights));
      weights.values[bias] = null;
      fails(Status.INVALID_ARGUMENT, "head.bias", () -> other.setWeights(weights));
      weights.values[bias] = good;
      weights.shapes[bias] = new long[9];
      fails(Status.INVALID_ARGUMENT, "head.bias", () -> other.setWeights(weights));
      weights.shapes[bias] = new long[] {29};
      good[0] = Float.NaN;
      fails(Status.INVALID_ARGUMENT, "finite", () -> other.setWeights(weights));
      fails(
          Status.INVALID_ARGUMENT, "as many names",
          () -> new Weights(new String[1], new long[2][], new float[1][]));
    }
  }

  private static void errors() throws Exception {
    fails(Status.NOT_FOUND, "/no/such.masr", () -> Model.load("/no/such.masr"));
    fails(Status.INVALID_ARGUMENT, "threads", () -> Model.load("/no/such.masr", -1));
    fails(Status.INVALID_ARGUMENT, "null", () -> Model.load(null));
    fails(Status.INVALID_ARGUMENT, "NUL", () -> Model.load("a\0b"));
    // A name that JNI's own strings would spell otherwise.
    String odd = folder + "/no such \u00fc \ud83d\ude00.masr";
    fails(Status.NOT_FOUND, odd, () -> Model.load(odd));
    Path broken = folder.resolve("broken.masr");
    Files.write(broken, "not a model at all, but long enough".getBytes(StandardCharsets.UTF_8));
    fails(Status.CORRUPT, "broken.masr", () -> Model.load(broken.toString()));

    float[] notFinite = tones("abcd");
    notFinite[100] = Float.NaN;
    Model model = tiny();
    TrainingOptions options = new TrainingOptions();
    options.freezeBlocks = 99;
    fails(Status.INVALID_ARGUMENT, "freeze_blocks", () -> model.configure(options));
    fails(Status.INVALID_ARGUMENT, "utterance 0: text", () -> model.train(say("7")));
    fails(Status.INVALID_ARGUMENT, "\ud83d\ude00", () -> model.loss(say("\ud83d\ude00")));
    fails(Status.INVALID_ARGUMENT, "text needs", () -> model.train(say(many('a', 1000))));
    fails(Status.INVALID_ARGUMENT, "no utterance", () -> model.infer(new Speech()));
    fails(
        Status.INVALID_ARGUMENT, "length is 0",
        () -> model.infer(new Speech().add(new float[0])));
    fails(
        Status.INVALID_ARGUMENT, "not a finite number",
        () -> model.infer(new Speech().add(notFinite)));
    fails(Status.INVALID_ARGUMENT, "too short", () -> model.infer(new Speech().add(new float[9])));
    fails(Status.INVALID_ARGUMENT, "null", () -> new Speech().add((float[]) null));
    fails(Status.INVALID_ARGUMENT, "null", () -> new Speech().add(new float[9], null));
    fails(Status.INVALID_ARGUMENT, "an hour", () -> model.infer(new Speech().sampleRateHz(100)
        .add(new float[360001])));
    fails(Status.NOT_FOUND, "29", () -> model.token(29));
    fails(Status.NOT_FOUND, "/no/such", () -> model.save("/no/such/checkpoint"));
    fails(Status.INVALID_ARGUMENT, "learning_rate", () -> model.setLearningRate(2));
    same(Status.UNKNOWN, Status.of(999));

    model.close();
    model.close();
    check(
        throwsA(IllegalStateException.class, model::describe).getMessage().contains("closed"),
        "closed");
    throwsA(IllegalStateException.class, () -> model.train(threeTexts()));
    model.setCancelled(true); // nothing happens
  }

  private static Speech say(String text) {
    return new Speech().add(tones("abcd"), text);
  }

  private static String many(char letter, int count) {
    return String.join("", Collections.nCopies(count, String.valueOf(letter)));
  }

  private static boolean is(Status status, Throwable thrown) {
    return thrown instanceof MobileAsrException
        && ((MobileAsrException) thrown).status() == status;
  }

  /** A thread that trains until something stops it, and what did. */
  private static final class Trainer extends Thread {
    final CountDownLatch began = new CountDownLatch(2);
    final AtomicReference<RuntimeException> end = new AtomicReference<>();
    private final Model model;

    Trainer(Model model) {
      this.model = model;
    }

    @Override
    public void run() {
      Speech batch = threeTexts();
      while (end.get() == null) {
        try {
          model.train(batch);
          began.countDown();
        } catch (RuntimeException stopped) {
          if (!is(Status.BUSY, stopped)) {
            end.set(stopped);
          }
        }
      }
    }
  }

  private static void oneCallAtATime() throws Exception {
    try (Model model = tiny()) {
      Trainer trainer = new Trainer(model);
      trainer.start();
      trainer.began.await();
      // It trains nearly all of the time: sooner or later a call falls into it.
      fails(
          Status.BUSY, "the model has not returned",
          () -> {
            for (int i = 0; i < 10000; ++i) {
              model.describe();
              Thread.sleep(1);
            }
          });
      model.setCancelled(true);
      trainer.join();
    }
  }

  private static void anotherThreadCancels() throws Exception {
    try (Model model = tiny()) {
      Trainer trainer = new Trainer(model);
      trainer.start();
      trainer.began.await();
      model.setCancelled(true);
      trainer.join();
      check(is(Status.CANCELLED, trainer.end.get()), trainer.end.get());
      fails(Status.CANCELLED, "stopped", () -> model.loss(threeTexts()));
      model.setCancelled(false);
      model.train(threeTexts());
    }
  }

  private static void closingStopsWhatRuns() throws Exception {
    for (int i = 0; i < 5; ++i) {
      Model model = tiny();
      Trainer trainer = new Trainer(model);
      trainer.start();
      trainer.began.await();
      model.close();
      trainer.join();
      RuntimeException end = trainer.end.get();
      check(is(Status.CANCELLED, end) || end instanceof IllegalStateException, end);
    }
  }

  private static float[] sentence(Model model) {
    return model.readAudio(assets + "/general/00-flite-slt.ogg");
  }

  private static String heard(Model model, float[] samples) {
    return model.inferTexts(new Speech().add(samples)).texts[0].trim();
  }

  private static void languageModelAndHotwords() throws Exception {
    try (Model model = tiny()) {
      float[] samples = sentence(model);
      String greedy = heard(model, samples);
      check(!greedy.contains("little boat"), greedy);
      DecodingOptions options = new DecodingOptions();
      options.hotwords = "little boat :2";
      model.setDecoding(options);
      check(heard(model, samples).contains("little boat"), heard(model, samples));
      options.hotwords = "agent 7";
      fails(Status.INVALID_ARGUMENT, "agent 7", () -> model.setDecoding(options));
      options.hotwords = null;
      options.languageModel = "/no/such.lm";
      fails(Status.NOT_FOUND, "/no/such.lm", () -> model.setDecoding(options));
      options.languageModel = assets + "/en.lm";
      model.setDecoding(options);
      same("the little boat drifted slowly down the river", heard(model, samples));
      model.setDecoding(null);
      same(greedy, heard(model, samples));
    }
  }

  private static void textWhileTheSoundArrives() throws Exception {
    Model model = tiny();
    float[] samples = sentence(model);
    Stream stream = model.stream();
    Set<String> partials = new HashSet<>();
    for (int at = 0; at < samples.length; at += 320) {
      StreamNews news = stream.push(samples, at, Math.min(320, samples.length - at));
      same(0, news.segments.size()); // it is shorter than a window
      if (news.partialDue) {
        partials.add(stream.partial());
      }
    }
    check(partials.size() > 2, partials);
    StreamNews last = stream.finish();
    same(1, last.segments.size());
    check(Math.abs(last.seconds - samples.length / 16000.0) < 1e-9, last.seconds);
    same(heard(model, samples), last.segments.get(0).text);
    check(Double.isNaN(last.segments.get(0).words.get(0).confidence), "greedy");
    same(0, stream.finish().segments.size());

    DecodingOptions options = new DecodingOptions();
    options.languageModel = assets + "/en.lm";
    model.setDecoding(options);
    StreamOptions whole = new StreamOptions();
    whole.whole = true;
    whole.texts = 3;
    Stream other = model.stream(whole);
    for (int i = 0; i < 3; ++i) {
      if (i == 0) {
        other.push(samples);
      } else {
        other.push(i == 1 ? direct(samples, ByteOrder.nativeOrder()) : FloatBuffer.wrap(samples));
      }
      Segment segment = other.finish().segments.get(0);
      same("the little boat drifted slowly down the river", segment.text);
      same(3, segment.texts.size());
      same(segment.text, segment.texts.get(0).text);
      same(8, segment.words.size());
      double end = 0;
      for (Segment.Word word : segment.words) {
        check(segment.text.contains(word.text), word.text);
        check(word.beginSeconds >= end && word.endSeconds > word.beginSeconds, word.beginSeconds);
        check(word.confidence > 0 && word.confidence < 1 + 1e-9, word.confidence);
        end = word.endSeconds;
      }
    }
    fails(Status.INVALID_ARGUMENT, "samples 1 to", () -> other.push(samples, 1, samples.length));
    fails(
        Status.INVALID_ARGUMENT, "sample 1 is not", () -> other.push(new float[] {0, Float.NaN}));
    model.setCancelled(true);
    fails(Status.CANCELLED, "stopped", () -> other.push(samples));
    model.setCancelled(false);
    StreamOptions wrong = new StreamOptions();
    wrong.sampleRateHz = 7;
    fails(Status.INVALID_ARGUMENT, "sample rate", () -> model.stream(wrong));

    stream.close();
    stream.close();
    throwsA(IllegalStateException.class, () -> stream.push(samples));
    model.close(); // and with it the other one
    throwsA(IllegalStateException.class, () -> other.push(samples));
    other.close();
    throwsA(IllegalStateException.class, model::stream);

    // Closed in the middle of a call, both ways.
    for (int i = 0; i < 6; ++i) {
      Model again = tiny();
      Stream running = again.stream();
      AtomicReference<Throwable> end = new AtomicReference<>();
      CountDownLatch began = new CountDownLatch(3);
      Thread pusher =
          new Thread(
              () -> {
                try {
                  while (true) {
                    running.push(samples);
                    began.countDown();
                  }
                } catch (RuntimeException stopped) {
                  end.set(stopped);
                }
              });
      pusher.start();
      began.await();
      if (i % 2 == 0) {
        again.close();
      } else {
        running.close();
      }
      pusher.join();
      check(
          is(Status.CANCELLED, end.get()) || end.get() instanceof IllegalStateException,
          end.get());
      running.close();
      again.close();
    }
  }

  /** A round of one epoch in which the head learns, from eight synthetic sentences. */
  private static RoundOptions quick() throws IOException {
    StringBuilder manifest = new StringBuilder();
    List<Path> sentences = new ArrayList<>();
    try (DirectoryStream<Path> all =
        Files.newDirectoryStream(Paths.get(assets, "general"), "*-flite-*.ogg")) {
      all.forEach(sentences::add);
    }
    Collections.sort(sentences);
    for (Path sentence : sentences.subList(0, 8)) {
      String path = sentence.toAbsolutePath().toString();
      byte[] text = Files.readAllBytes(Paths.get(path.replace(".ogg", ".txt")));
      manifest.append("{\"audio_filepath\": \"").append(path).append("\", \"text\": \"");
      manifest.append(new String(text, StandardCharsets.UTF_8).trim()).append("\"}\n");
    }
    Path data = folder.resolve("speech.jsonl");
    Files.write(data, manifest.toString().getBytes(StandardCharsets.UTF_8));
    RoundOptions options = new RoundOptions();
    options.data = data.toString();
    options.epochs = 2;
    options.training = new TrainingOptions();
    options.training.freezeBlocks = 6;
    options.training.learningRate = 1e-3;
    return options;
  }

  private static RoundOptions resume() {
    RoundOptions options = new RoundOptions();
    options.mode = RoundOptions.Mode.RESUME;
    return options;
  }

  private static Owner open(String name, RoundListener listener, DeviceMonitor monitor) {
    return Owner.open(folder + "/" + name, assets + "/tiny.masr", 1, listener, monitor);
  }

  private static boolean heard(List<Event> events, Event.Kind kind, String text) {
    for (Event event : events) {
      if (event.kind == kind && event.text.contains(text)) {
        return true;
      }
    }
    return false;
  }

  private static byte[] accepted(Owner owner) throws IOException {
    return Files.readAllBytes(Paths.get(owner.acceptedModel()));
  }

  private static void aRound() throws Exception {
    List<Event> events = new ArrayList<>();
    try (Owner owner = open("me", events::add, null)) {
      same(folder + "/me/accepted.masr", owner.acceptedModel());
      RoundResult result = owner.run(quick());
      same(1L, result.round);
      same(2L, result.epochs);
      check(!result.unfinished && !result.resumed && result.haltedBy.isEmpty(), result.haltedBy);
      check(result.audioSeconds > 5 && result.peakBytes > 1 << 20, result.audioSeconds);
      check(!result.why.isEmpty() && result.subModel.contains("top"), result.subModel);
      check(heard(events, Event.Kind.EPOCH, ""), "epochs");
      check(heard(events, Event.Kind.STEP, "judging"), "steps");
      check(
          heard(events, result.accepted ? Event.Kind.ACCEPT : Event.Kind.KEEP, result.why),
          result.why);
      for (Event event : events) {
        if (event.kind == Event.Kind.PROGRESS) {
          check(event.update >= 1 && event.update <= event.updates, event.update);
          check(event.epoch >= 1 && event.epochs == 2 && event.loss > 0, event.epoch);
        }
      }
      check(owner.history().startsWith("{\"rounds\":["), owner.history());
      owner.report(folder + "/report.html");
      check(Files.size(folder.resolve("report.html")) > 1000, "report");
      if (result.accepted) {
        owner.rollback();
      }
      fails(Status.NOT_FOUND, "", owner::rollback);
      check(
          Arrays.equals(Files.readAllBytes(Paths.get(assets, "tiny.masr")), accepted(owner)),
          "the base again");
      fails(Status.IO, "", () -> open("me", null, null)); // one folder, one handle
    }
    open("me", null, null).close();
  }

  private static void aProfile() throws Exception {
    String profile;
    int[] asked = {0};
    try (Owner owner = open("me", null, reading -> ++asked[0])) {
      fails(Status.NOT_FOUND, "masr_owner_measure", owner::profile);
      owner.measure();
      check(asked[0] > 0, "the monitor");
      profile = owner.profile();
      check(profile.contains("\"update_s\""), profile);
    }
    try (Owner owner = open("other", null, null)) {
      owner.setProfile(profile);
      same(profile, owner.profile());
      fails(Status.CORRUPT, "the device profile", () -> owner.setProfile("{"));
      owner.setProfile(null);
      fails(Status.NOT_FOUND, "", owner::profile);
    }
  }

  private static void aPlan() throws Exception {
    int[] asked = {0};
    try (Owner owner = open("me", null, reading -> ++asked[0])) {
      RoundOptions options = quick();
      options.training = null;
      options.ramBytes = 1L << 40;
      Plan plan = owner.plan(options);
      check(plan.candidates > 3 && plan.fitting == plan.candidates, plan.candidates);
      check(plan.peakBytes > 1 << 20 && plan.seconds > 0 && plan.joules > 0, plan.peakBytes);
      check(plan.trainableParameters > 1000 && !plan.name.isEmpty(), plan.name);
      check(plan.training.parts >= 1 && plan.training.optimizerBits >= 8, plan.training.parts);
      check(asked[0] > 0, "the monitor");
      options.ramBytes = 1000;
      fails(Status.NO_SPACE, "MB", () -> owner.plan(options));
      options.ramBytes = 0;
      options.policy = "{\"min_batery\": 3}";
      fails(Status.INVALID_ARGUMENT, "min_batery", () -> owner.run(options));
      options.policy = null;
      options.data = null;
      fails(Status.INVALID_ARGUMENT, "needs speech", () -> owner.run(options));
      throwsA(NullPointerException.class, () -> owner.run(null));
    }
  }

  /** The monitor says that the battery is empty: the round is halted, and goes on when it is full. */
  private static void aMonitorHalts() throws Exception {
    List<Event> events = new ArrayList<>();
    int[] asked = {0};
    int[] percent = {12};
    DeviceMonitor monitor =
        reading -> {
          ++asked[0];
          reading
              .batteryPercent(percent[0])
              .charging(false)
              .batteryCurrentMicroamperes(-450000)
              .batteryVoltageMillivolts(3800)
              .batteryTemperatureTenths(301)
              .availableBytes(2L << 30);
        };
    try (Owner owner = open("me", events::add, monitor)) {
      RoundResult result = owner.run(quick());
      same("battery", result.haltedBy);
      check(result.unfinished, result.why);
      check(asked[0] >= 1, asked[0]);
      check(heard(events, Event.Kind.HALT, "12"), "halted");
      fails(Status.INVALID_ARGUMENT, "MASR_ROUND_RESUME", () -> owner.run(quick()));
      percent[0] = 80;
      result = owner.run(resume());
      check(result.resumed && !result.unfinished && result.haltedBy.isEmpty(), result.haltedBy);
    }
    // So is a battery that is too hot: it pauses, and the listener may give up.
    List<Event> pauses = new ArrayList<>();
    AtomicReference<Owner> self = new AtomicReference<>();
    RoundListener impatient =
        event -> {
          if (event.kind == Event.Kind.PAUSE) {
            pauses.add(event);
            self.get().setCancelled(true);
          }
        };
    try (Owner owner = open("other", impatient, reading -> reading.batteryTemperatureTenths(505))) {
      self.set(owner);
      RoundResult result = owner.run(quick());
      check(result.unfinished && result.haltedBy.equals("owner"), result.haltedBy);
      check(heard(pauses, Event.Kind.PAUSE, "50.5"), pauses.size());
    }
  }

  /** What Java's arithmetic asks of the thread that has loaded and called the library. */
  private static void denormalNumbersAreThere() {
    try (Model model = tiny()) {
      model.train(threeTexts());
    }
    float smallest = Float.intBitsToFloat(0x00800000 + assets.length() % 1); // MIN_NORMAL, not folded
    check(smallest / 2 > 0 && smallest / 2 * 2 == smallest, smallest / 2);
  }

  private static void readingsAreInAndroidsUnits() {
    DeviceReading reading = new DeviceReading();
    for (double value : Arrays.copyOf(reading.toArray(), 6)) {
      check(Double.isNaN(value), value);
    }
    same(-1.0, reading.toArray()[6]);
    reading.batteryCurrentMicroamperes(-500000).batteryVoltageMillivolts(4000);
    check(Double.isNaN(reading.powerW()), "which direction?");
    check(Math.abs(reading.charging(false).powerW() - 2) < 1e-9, reading.powerW());
    check(Math.abs(reading.charging(true).powerW() + 2) < 1e-9, reading.powerW());
    check(
        Double.isNaN(reading.batteryCurrentMicroamperes(Integer.MIN_VALUE).powerW()), "unknown");
    check(Double.isNaN(reading.batteryCurrentMicroamperes(Long.MIN_VALUE).powerW()), "unknown");
    reading.batteryTemperatureTenths(314).batteryPercent(55).availableBytes(123L << 20);
    reading.temperature(60, 80);
    double[] told = reading.toArray();
    check(
        told[0] == 123L << 20 && told[1] == 55 && Math.abs(told[3] - 31.4) < 1e-9 && told[4] == 60
            && told[5] == 80 && told[6] == 1,
        Arrays.toString(told));
  }

  private static void aRoundIsCancelledAndGoesOn() throws Exception {
    CountDownLatch middle = new CountDownLatch(1);
    CountDownLatch asked = new CountDownLatch(1);
    RoundListener waits =
        event -> {
          if (event.kind == Event.Kind.PROGRESS && middle.getCount() > 0) {
            middle.countDown();
            awaitQuietly(asked); // so that it is asked in the middle
          }
        };
    byte[] resumed;
    try (Owner owner = open("me", waits, null)) {
      Thread other =
          new Thread(
              () -> {
                awaitQuietly(middle);
                owner.setCancelled(true);
                asked.countDown();
              });
      other.start();
      RoundResult result = owner.run(quick());
      other.join();
      same("owner", result.haltedBy);
      check(result.unfinished, result.why);
      fails(Status.CANCELLED, "stopped", () -> owner.run(resume()));
      owner.setCancelled(false);
      result = owner.run(resume());
      check(result.resumed && !result.unfinished, result.why);
      resumed = accepted(owner);
    }
    try (Owner owner = open("undisturbed", null, null)) {
      owner.run(quick());
      check(Arrays.equals(accepted(owner), resumed), "another result");
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException unexpected) {
      throw new AssertionError(unexpected);
    }
  }

  private static void whatCallbacksThrowComesOut() throws Exception {
    boolean[] angry = {true};
    AtomicReference<Owner> self = new AtomicReference<>();
    List<Status> answers = new ArrayList<>();
    RoundListener listener =
        event -> {
          if (answers.isEmpty()) {
            try {
              self.get().rollback();
            } catch (MobileAsrException refused) {
              answers.add(refused.status());
            }
          }
          if (event.kind == Event.Kind.PROGRESS && angry[0]) {
            throw new UnsupportedOperationException("not today");
          }
        };
    try (Owner owner = open("me", listener, null)) {
      self.set(owner);
      UnsupportedOperationException thrown =
          throwsA(UnsupportedOperationException.class, () -> owner.run(quick()));
      same("not today", thrown.getMessage());
      same(Collections.singletonList(Status.BUSY), answers);
      angry[0] = false;
      check(!owner.run(resume()).unfinished, "it goes on");
    }
    DeviceMonitor monitor =
        reading -> {
          throw new IllegalArgumentException("no battery manager");
        };
    try (Owner owner = open("other", null, monitor)) {
      IllegalArgumentException thrown =
          throwsA(IllegalArgumentException.class, () -> owner.run(quick()));
      same("no battery manager", thrown.getMessage());
    }
  }

  private static long residentKb() throws IOException {
    Path status = Paths.get("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return 0;
  }

  /** Nothing is left behind: references (-Xcheck:jni tells) and native memory (counted here). */
  private static void nothingLeaks() throws Exception {
    float[] samples = tones("abcd");
    try (Model model = tiny()) {
      // Thousands of references in one call.
      Speech many = new Speech();
      for (int i = 0; i < 5000; ++i) {
        many.add(i % 2 == 0 ? FloatBuffer.wrap(samples, 0, 100) : direct(new float[100],
            ByteOrder.nativeOrder()));
      }
      for (int i = 0; i < 10; ++i) {
        fails(Status.INVALID_ARGUMENT, "too short", () -> model.infer(many));
      }
      model.configure(new TrainingOptions());
      long before = 0;
      for (int i = 0; i < 60; ++i) {
        if (i == 20) {
          before = residentKb();
        }
        Weights weights = model.weights();
        model.setWeights(weights);
        for (int k = 0; k < 50; ++k) {
          model.describe();
          fails(Status.NOT_FOUND, "29", () -> model.token(29));
        }
        model.parameters();
        model.signatures();
        model.call("parameters", inputs());
      }
      check(residentKb() - before < 40000, residentKb() - before + " kB more for weights");
    }
    long before = 0;
    for (int i = 0; i < 150; ++i) {
      if (i == 50) {
        before = residentKb();
      }
      try (Model model = tiny()) {
        model.inferTexts(new Speech().add(samples));
        model.stream().push(samples); // goes with its model
      }
      String state = folder + "/owner";
      try (Owner owner = Owner.open(state, assets + "/tiny.masr")) {
        owner.history();
      }
    }
    check(residentKb() - before < 20000, residentKb() - before + " kB more for handles");
  }

  /** Runs all of it. */
  public static void main(String[] arguments) throws IOException {
    assets = arguments[0];
    test("six functions", MobileAsrTest::sixFunctions);
    test("denormal numbers are there", MobileAsrTest::denormalNumbersAreThere);
    test("describes", MobileAsrTest::describes);
    test("signatures", MobileAsrTest::signatures);
    test("functions by name", MobileAsrTest::functionsByName);
    test("functions of one's own", MobileAsrTest::functionsOfOnesOwn);
    test("what functions throw comes out", MobileAsrTest::whatFunctionsThrowComesOut);
    test("arrays and buffers are the same", MobileAsrTest::arraysAndBuffersAreTheSame);
    test("features", MobileAsrTest::features);
    test("federated weights", MobileAsrTest::federatedWeights);
    test("errors", MobileAsrTest::errors);
    test("one call at a time", MobileAsrTest::oneCallAtATime);
    test("another thread cancels", MobileAsrTest::anotherThreadCancels);
    test("closing stops what runs", MobileAsrTest::closingStopsWhatRuns);
    test("a language model and hotwords", MobileAsrTest::languageModelAndHotwords);
    test("text while the sound arrives", MobileAsrTest::textWhileTheSoundArrives);
    test("a round", MobileAsrTest::aRound);
    test("a profile", MobileAsrTest::aProfile);
    test("a plan", MobileAsrTest::aPlan);
    test("a monitor halts", MobileAsrTest::aMonitorHalts);
    test("readings are in Android's units", MobileAsrTest::readingsAreInAndroidsUnits);
    test("a round is cancelled and goes on", MobileAsrTest::aRoundIsCancelledAndGoesOn);
    test("what callbacks throw comes out", MobileAsrTest::whatCallbacksThrowComesOut);
    test("nothing leaks", MobileAsrTest::nothingLeaks);
    System.out.println(failures == 0 ? "all passed" : failures + " FAILED");
    System.exit(failures == 0 ? 0 : 1);
  }
}
