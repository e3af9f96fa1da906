package org.mobileasr;

/** How a stream listens: {@code masr_stream_options}. 0: the default. */
public final class StreamOptions {
  /** Of the sound; 0: the recogniser's. */
  public int sampleRateHz;
  /** Nobody waits for the text: a recording is heard as a whole, a long one in windows of 30 s. */
  public boolean whole;
  /** Past of a window; 0: 2, of {@link #whole} 5. */
  public double leftSeconds;
  /** What becomes final with each window; 0: 4, of {@link #whole} 20. */
  public double chunkSeconds;
  /** Future of a window, for which final text waits; 0: 2, of {@link #whole} 5. */
  public double rightSeconds;
  /** That ends a segment; 0: 1. */
  public double pauseSeconds;
  /** Of a segment at most, best first; 0: 1. */
  public int texts;

  long[] integers() {
    return new long[] {sampleRateHz, whole ? 1 : 0, texts};
  }

  double[] reals() {
    return new double[] {leftSeconds, chunkSeconds, rightSeconds, pauseSeconds};
  }
}
