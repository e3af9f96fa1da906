package org.mobileasr;

import java.util.Collections;
import java.util.List;

/**
 * What was said between two pauses. Without a language model and hotwords there is nothing to
 * compare a text with: confidences are NaN.
 */
public final class Segment {
  /** A word of the best text. */
  public static final class Word {
    /** The word. */
    public final String text;
    /** Of the stream. */
    public final double beginSeconds;
    /** Of the stream. */
    public final double endSeconds;
    /** 0 to 1: the share of texts, by their probability, that have it there. */
    public final double confidence;

    Word(String text, double beginSeconds, double endSeconds, double confidence) {
      this.text = text;
      this.beginSeconds = beginSeconds;
      this.endSeconds = endSeconds;
      this.confidence = confidence;
    }
  }

  /** One of the texts. */
  public static final class Alternative {
    /** The text. */
    public final String text;
    /** Nats. */
    public final double score;
    /** 0 to 1: its probability among all texts that were left. */
    public final double confidence;

    Alternative(String text, double score, double confidence) {
      this.text = text;
      this.score = score;
      this.confidence = confidence;
    }
  }

  /** The best one. */
  public final String text;
  /** Of the stream. */
  public final double beginSeconds;
  /** Of the stream. */
  public final double endSeconds;
  /** Of the best text. */
  public final List<Word> words;
  /** Best first, at least one. */
  public final List<Alternative> texts;

  Segment(double beginSeconds, double endSeconds, List<Word> words, List<Alternative> texts) {
    this.text = texts.get(0).text;
    this.beginSeconds = beginSeconds;
    this.endSeconds = endSeconds;
    this.words = Collections.unmodifiableList(words);
    this.texts = Collections.unmodifiableList(texts);
  }
}
