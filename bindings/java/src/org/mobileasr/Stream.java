package org.mobileasr;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A recogniser that listens: {@code masr_stream}, made by {@link Model#stream}. Its calls are calls
 * of its model, one at a time with it, and {@link Model#setCancelled} stops them. It ends with its
 * model.
 */
public final class Stream implements AutoCloseable {
  private final Model model;
  private volatile long address; // 0: closed

  Stream(Model model, long address) {
    this.model = model;
    this.address = address;
  }

  /** The next samples; some tens of milliseconds at a time keep partial texts fresh. */
  public StreamNews push(float[] samples) {
    return push(samples, 0, samples.length);
  }

  /** The same of a part of an array: what {@code AudioRecord.read} has filled. */
  public StreamNews push(float[] samples, int offset, int count) {
    if (offset < 0 || count < 0 || count > samples.length - offset) {
      throw MobileAsrException.invalid(
          "samples " + offset + " to " + (offset + (long) count) + " of " + samples.length);
    }
    return pushAny(samples, offset, count);
  }

  /** From the buffer's position to its limit; neither is moved. A direct one is not copied. */
  public StreamNews push(FloatBuffer samples) {
    if (samples.isDirect() && samples.order() == ByteOrder.nativeOrder()) {
      return pushAny(samples, samples.position(), samples.remaining());
    }
    float[] copy = new float[samples.remaining()];
    samples.duplicate().get(copy);
    return push(copy);
  }

  /** What has been said since the last segment; it may read differently the next time. */
  public String partial() {
    return Utf8.split(model.get(handle -> Native.streamPartial(handle, open())), 1)[0];
  }

  /** The sound has ended: the last segments. What is pushed next is another stream. */
  public StreamNews finish() {
    double[][] numbers = new double[1][];
    byte[] texts = model.get(handle -> Native.streamFinish(handle, open(), numbers));
    return new StreamNews(texts, numbers[0]);
  }

  private StreamNews pushAny(Object samples, int offset, int count) {
    double[][] numbers = new double[1][];
    byte[] texts =
        model.get(
            handle -> Native.streamPush(handle, open(), samples, offset, count, numbers));
    return new StreamNews(texts, numbers[0]);
  }

  /** Within a call of the model, during which nothing of it is destroyed. */
  private long open() {
    long now = address;
    if (now == 0) {
      throw new IllegalStateException("the stream is closed");
    }
    return now;
  }

  /** Gives back what it holds; a second time it does nothing. */
  @Override
  public synchronized void close() {
    long last = address;
    address = 0; // first: a call that begins now must not see it
    if (last != 0) {
      model.dropPart(last);
    }
  }
}
