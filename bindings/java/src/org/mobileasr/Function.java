package org.mobileasr;

import java.util.Map;

/**
 * A function of the app's own, for {@link Model#register}. It runs on the thread that called it, and
 * may call its model. What it throws comes out of {@link Model#call}.
 */
public interface Function {
  /** From the inputs that were given, all outputs that the signature does not leave optional. */
  Map<String, Tensor> call(Map<String, Tensor> inputs);
}
