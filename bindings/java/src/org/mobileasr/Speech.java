package org.mobileasr;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Utterances to be given to a {@link Model}: audio or features, and texts.
 *
 * <p>Arrays and direct buffers are not copied here: what is in them when they are given to a model
 * counts. A direct buffer that is alone in a batch is read where it lies. Not thread-safe.
 */
public final class Speech {
  final List<Object> utterances = new ArrayList<>(); // float[] or direct FloatBuffer
  final List<Integer> offsets = new ArrayList<>(); // of the first value in it
  final List<Integer> counts = new ArrayList<>(); // of values
  final List<String> texts = new ArrayList<>();
  final int mels; // 0: audio
  int sampleRateHz;

  /** Audio: mono, in [-1, 1], at the model's rate. */
  public Speech() {
    this(0);
  }

  private Speech(int mels) {
    this.mels = mels;
  }

  /** Features instead: each utterance [frames, mels], normalised as the model's configuration says. */
  public static Speech ofFeatures(int mels) {
    if (mels <= 0) {
      throw MobileAsrException.invalid("mels must be above 0");
    }
    return new Speech(mels);
  }

  /** Of the audio; 0: the model's. */
  public Speech sampleRateHz(int rate) {
    sampleRateHz = rate;
    return this;
  }

  /** An utterance that is only to be heard. */
  public Speech add(float[] samples) {
    return add(samples, "");
  }

  /** An utterance and what is said in it. */
  public Speech add(float[] samples, String text) {
    if (samples == null) {
      throw MobileAsrException.invalid("an utterance must not be null");
    }
    return take(samples, 0, samples.length, text);
  }

  /** From the buffer's position to its limit; neither is moved. */
  public Speech add(FloatBuffer samples) {
    return add(samples, "");
  }

  /** From the buffer's position to its limit; neither is moved. */
  public Speech add(FloatBuffer samples, String text) {
    if (samples == null) {
      throw MobileAsrException.invalid("an utterance must not be null");
    }
    if (samples.isDirect() && samples.order() == ByteOrder.nativeOrder()) {
      return take(samples, samples.position(), samples.remaining(), text);
    }
    float[] copy = new float[samples.remaining()];
    samples.duplicate().get(copy);
    return add(copy, text);
  }

  /** How many utterances there are. */
  public int size() {
    return utterances.size();
  }

  private Speech take(Object values, int offset, int count, String text) {
    if (text == null) {
      throw MobileAsrException.invalid("a text must not be null");
    }
    if (mels > 0 && count % mels != 0) {
      throw MobileAsrException.invalid(
          "features of " + count + " numbers are no frames of " + mels + " each");
    }
    utterances.add(values);
    offsets.add(offset);
    counts.add(count);
    texts.add(text);
    return this;
  }

  Object[] arrays() {
    return utterances.toArray();
  }

  /** [offset, count] of each utterance. */
  long[] ranges() {
    long[] ranges = new long[2 * utterances.size()];
    for (int u = 0; u < utterances.size(); ++u) {
      ranges[2 * u] = offsets.get(u);
      ranges[2 * u + 1] = counts.get(u);
    }
    return ranges;
  }
}
