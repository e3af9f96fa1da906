package org.mobileasr;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What a piece of sound has brought: {@code masr_stream_news}. */
public final class StreamNews {
  /** That ended. */
  public final List<Segment> segments;
  /** Whether {@link Stream#partial} is worth its cost by now. */
  public final boolean partialDue;
  /** Of sound heard. */
  public final double seconds;

  /**
   * Of {@code numbers}: segments, due, seconds; of each segment begin, end, words, texts; of each
   * word begin, end, confidence; of each text score, confidence. The texts stand in that order.
   */
  StreamNews(byte[] joined, double[] numbers) {
    int count = 0;
    for (byte b : joined) {
      count += b == 0 ? 1 : 0;
    }
    String[] each = Utf8.split(joined, count);
    List<Segment> read = new ArrayList<>();
    int text = 0;
    int at = 3;
    for (int s = 0; s < (int) numbers[0]; ++s) {
      double begin = numbers[at];
      double end = numbers[at + 1];
      int words = (int) numbers[at + 2];
      int texts = (int) numbers[at + 3];
      at += 4;
      List<Segment.Word> ofWords = new ArrayList<>();
      for (int w = 0; w < words; ++w, at += 3) {
        ofWords.add(
            new Segment.Word(each[text++], numbers[at], numbers[at + 1], numbers[at + 2]));
      }
      List<Segment.Alternative> ofTexts = new ArrayList<>();
      for (int t = 0; t < texts; ++t, at += 2) {
        ofTexts.add(new Segment.Alternative(each[text++], numbers[at], numbers[at + 1]));
      }
      read.add(new Segment(begin, end, ofWords, ofTexts));
    }
    segments = Collections.unmodifiableList(read);
    partialDue = numbers[1] != 0;
    seconds = numbers[2];
  }
}
