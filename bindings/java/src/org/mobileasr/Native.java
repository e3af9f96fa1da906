package org.mobileasr;

/**
 * The calls of {@code libmobileasr_jni}. Texts are UTF-8 with NUL; numbers of a struct come in
 * arrays, in its order. What fails throws a {@link MobileAsrException}.
 */
final class Native {
  static {
    System.loadLibrary("mobileasr_jni");
  }

  private Native() {}

  static native byte[] version();

  static native long modelCreate(int threads);

  static native void modelDestroy(long model);

  static native void modelSetCancelled(long model, boolean isCancelled);

  static native void modelLoad(long model, byte[] path);

  static native byte[] modelDescribe(long model, long[] integers, double[] reals);

  static native byte[] modelToken(long model, int index);

  static native float[] modelReadAudio(long model, byte[] path);

  static native void modelConfigure(long model, long[] integers, double[] reals);

  static native void modelSetLearningRate(long model, double rate);

  static native void modelResetOptimizer(long model);

  static native void modelMeasure(long model);

  static native void modelTrain(
      long model, Object[] values, long[] ranges, int mels, int rateHz, byte[] texts,
      long[] integers, double[] reals);

  /** The texts; probabilities to {@code probabilities[0]} unless that is null. */
  static native byte[] modelInfer(
      long model, Object[] values, long[] ranges, int mels, int rateHz, long[] rows,
      float[][] probabilities);

  static native void modelLoss(
      long model, Object[] values, long[] ranges, int mels, int rateHz, byte[] texts,
      double[] mean, float[] losses);

  static native void modelSave(long model, byte[] path);

  static native void modelRestore(long model, byte[] path);

  /** Its name and its block's; null beyond the last one. */
  static native byte[] modelParameter(long model, int index, long[] integers, double[] reals);

  static native int modelWeightCount(long model);

  /** The names. */
  static native byte[] modelGetWeights(long model, long[][] shapes, float[][] values);

  static native void modelSetWeights(long model, byte[] names, long[][] shapes, float[][] values);

  static native void modelExport(long model, byte[] path, int format);

  /** Name and meaning of it and of its values; null beyond the last one. */
  static native byte[] modelFunction(long model, int index, long[][] numbers);

  /** {@code index} is that of the function in {@link Functions}. */
  static native void modelRegister(long model, int index, byte[] texts, long[] numbers);

  /** Types, shapes and values of the outputs to the last three. */
  static native void modelCall(
      long model, Functions functions, byte[] function, byte[] names, long[] types,
      Object[] shapes, Object[] values, byte[] outputNames, long[] outputRooms,
      long[] outputTypes, Object[] outputShapes, Object[] outputValues);

  static native void modelSetDecoding(
      long model, byte[] languageModel, byte[] hotwords, double[] reals, int beam);

  static native long streamCreate(long model, long[] integers, double[] reals);

  static native void streamDestroy(long stream);

  /** The texts; the numbers of {@link StreamNews} to {@code numbers[0]}. */
  static native byte[] streamPush(
      long model, long stream, Object samples, int offset, int count, double[][] numbers);

  static native byte[] streamPartial(long model, long stream);

  static native byte[] streamFinish(long model, long stream, double[][] numbers);

  static native long ownerCreate(int threads, boolean hasMonitor);

  static native void ownerDestroy(long owner);

  static native void ownerSetCancelled(long owner, boolean isCancelled);

  static native void ownerOpen(long owner, byte[] folder, byte[] base);

  static native byte[] ownerModel(long owner);

  static native void ownerMeasure(long owner, Callbacks callbacks);

  static native byte[] ownerProfile(long owner);

  static native void ownerSetProfile(long owner, byte[] json);

  static native byte[] ownerPlan(
      long owner, Callbacks callbacks, byte[][] texts, long[] integers, double[] reals,
      long[] trainingIntegers, double[] trainingReals, long[] planIntegers, double[] planReals);

  static native byte[] ownerRun(
      long owner, Callbacks callbacks, byte[][] texts, long[] integers, double[] reals,
      long[] trainingIntegers, double[] trainingReals, long[] resultIntegers,
      double[] resultReals);

  static native void ownerRollback(long owner);

  static native byte[] ownerHistory(long owner);

  static native void ownerReport(long owner, byte[] path);
}
