package org.mobileasr;

/** What is known of texts besides their sound: {@code masr_decoding_options}. 0: the default. */
public final class DecodingOptions {
  /** A file that {@code mobileasr lm} writes, or an ARPA file; null: none. */
  public String languageModel;
  /** Text, not a file: phrases to prefer, one a line, each perhaps with " :BOOST"; null: none. */
  public String hotwords;
  /** Nats per character of a phrase that names none; 0: 0.5. */
  public double hotwordBoost;
  /** On ln p(word); 0: 0.6. */
  public double languageModelWeight;
  /** Nats for each word. */
  public double wordScore;
  /** ln p of each character of an unknown word; 0: -4. */
  public double unknownScore;
  /** Prefixes kept; 0: 64. */
  public int beam;

  double[] reals() {
    return new double[] {hotwordBoost, languageModelWeight, wordScore, unknownScore};
  }
}
