// The product's innermost loop in bf16 on matrix tiles (simd/amx.h): operands are rounded to bf16
// while they are packed, sums are f32.
//
// A strip of A is kTileRows rows of `depth` terms, the depth rounded up to 32 with zeros. A panel
// of B is [depth / 2, kTileColumns, 2]: pairs of terms, as the tiles want them. A matrix whose
// terms follow each other in memory (A[m, k], B[n, k]) is packed as rows; rows of pairs are turned
// by a 16 x 16 transposition where the other order is wanted.
//
// Per target: include after hwy/foreach_target.h; empty but for AVX-512.
#if defined(MOBILEASR_KERNELS_SIMD_MATMUL_BF16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MOBILEASR_KERNELS_SIMD_MATMUL_BF16_INL_H_
#undef MOBILEASR_KERNELS_SIMD_MATMUL_BF16_INL_H_
#else
#define MOBILEASR_KERNELS_SIMD_MATMUL_BF16_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <optional>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/simd/activation-inl.h"
#include "kernels/simd/matmul_kernel-inl.h"

#undef MASR_BF16_TILES
#if HWY_TARGET == HWY_AVX3 && HWY_ARCH_X86_64
#define MASR_BF16_TILES 1
#else
#define MASR_BF16_TILES 0
#endif

HWY_BEFORE_NAMESPACE();
namespace masr {
namespace HWY_NAMESPACE {

#if MASR_BF16_TILES
struct Bf16Tiles {
  using Element = uint16_t;
  static constexpr int64_t kTileRows = 32;
  static constexpr int64_t kTileColumns = 32;
  static constexpr int64_t kRegister = 16;  // rows and columns of one tile register

  static constexpr int64_t PaddedDepth(int64_t depth) { return (depth + 31) / 32 * 32; }
  // Elements of a packed strip or panel.
  static constexpr int64_t StripSize(int64_t depth) { return kTileRows * PaddedDepth(depth); }
  static constexpr int64_t PanelSize(int64_t depth) { return kTileColumns * PaddedDepth(depth); }

  // As in F32Tiles; tiles do 32 such multiply-adds in the time of one.
  static constexpr double kPackCost = 6;
  static constexpr double kActivationCost = 96;

  // While it lives, this thread's tile registers are whole: 0-3 for 2 x 2 blocks of C, 4 and 5 for
  // A, 6 and 7 for B.
  struct Registers {
    Registers() {
      alignas(64) static constexpr struct {
        uint8_t palette = 1;
        uint8_t start_row = 0;
        uint8_t reserved[14] = {};
        uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
        uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
      } kWhole;
      asm volatile("ldtilecfg %0" ::"m"(kWhole));
    }
    ~Registers() { asm volatile("tilerelease" ::); }
    Registers(const Registers&) = delete;
    Registers& operator=(const Registers&) = delete;
  };

  // out[r][0 .. padded depth) = f(in[r]), rounded; zeros after the first `depth`, and below.
  static void PackRows(const float* in, int64_t stride, int64_t rows, int64_t depth,
                       std::optional<Activation> f, uint16_t* out) {
    const int64_t padded = PaddedDepth(depth);
    for (int64_t r = 0; r < kTileRows; ++r) {
      uint16_t* to = out + r * padded;
      if (r >= rows) {
        std::fill_n(to, padded, uint16_t{0});
        continue;
      }
      const float* from = in + r * stride;
      for (int64_t k = 0; k < padded; k += 32) {
        const Pair values = Load(from + k, depth - k, f);
        StoreTwo(values.low, values.high, to + k);
      }
    }
  }

  // out[k / 2][j][k % 2] = f(in[k][j]) for j < columns, rounded; zeros elsewhere.
  static void PackPairs(const float* in, int64_t stride, int64_t columns, int64_t depth,
                        std::optional<Activation> f, uint16_t* out) {
    // Rows are too far apart for the CPU to foresee.
    constexpr int64_t kAhead = 16;
    const int64_t padded = PaddedDepth(depth);
    for (int64_t k = 0; k < padded; k += 2) {
      for (int64_t ahead = k + kAhead; ahead < std::min(k + kAhead + 2, depth); ++ahead) {
        hwy::Prefetch(in + ahead * stride);
        hwy::Prefetch(in + ahead * stride + columns - 1);
      }
      const Pair even = Load(in + k * stride, k < depth ? columns : 0, f);
      const Pair odd = Load(in + (k + 1) * stride, k + 1 < depth ? columns : 0, f);
      StorePairs(even.low, odd.low, out + k * kTileColumns);
      StorePairs(even.high, odd.high, out + k * kTileColumns + 2 * kRegister);
    }
  }

  // Rows of A whose terms are apart, A[k, m]: pairs, then turned. `scratch` as large as `out`.
  static void PackRowsTransposed(const float* in, int64_t stride, int64_t rows, int64_t depth,
                                 uint16_t* scratch, uint16_t* out) {
    const int64_t padded = PaddedDepth(depth);
    PackPairs(in, stride, rows, depth, {}, scratch);
    for (int64_t k = 0; k < padded; k += 32) {
      for (int64_t r = 0; r < kTileRows; r += kRegister) {
        Transpose(scratch + k * kTileRows + 2 * r, 2 * kTileRows, out + r * padded + k, padded);
      }
    }
  }

  // Columns of B whose terms follow each other, B[n, k]: rows, then turned. `scratch` as large as
  // `out`.
  static void PackPairsTransposed(const float* in, int64_t stride, int64_t columns, int64_t depth,
                                  uint16_t* scratch, uint16_t* out) {
    const int64_t padded = PaddedDepth(depth);
    PackRows(in, stride, columns, depth, {}, scratch);
    for (int64_t k = 0; k < padded; k += 32) {
      for (int64_t j = 0; j < kTileColumns; j += kRegister) {
        Transpose(scratch + j * padded + k, padded, out + k * kTileColumns + 2 * j,
                  2 * kTileColumns);
      }
    }
  }

  // C = or += the product, for rows, columns <= 32; `bias`, when not null, is added.
  static void Tile(int64_t rows, int64_t columns, int64_t depth, const uint16_t* a,
                   const uint16_t* b, const float* bias, bool add, float* c, int64_t c_stride) {
    // C is wanted at the end: often it is no longer in a near cache.
    for (int64_t r = 0; r < rows; ++r) {
      hwy::Prefetch(c + r * c_stride);
      hwy::Prefetch(c + r * c_stride + columns - 1);
    }
    alignas(64) float sums[kTileRows * kTileColumns];
    if (rows > kRegister) {
      columns > kRegister ? Multiply<2, 2>(depth, a, b, sums) : Multiply<2, 1>(depth, a, b, sums);
    } else {
      columns > kRegister ? Multiply<1, 2>(depth, a, b, sums) : Multiply<1, 1>(depth, a, b, sums);
    }
    const Floats d;
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = sums + r * kTileColumns;
      float* to = c + r * c_stride;
      int64_t j = 0;
      for (; j + kLanes <= columns; j += kLanes) {
        auto sum = hn::Load(d, from + j);
        if (bias != nullptr) sum = hn::Add(sum, hn::LoadU(d, bias + j));
        if (add) sum = hn::Add(sum, hn::LoadU(d, to + j));
        hn::StoreU(sum, d, to + j);
      }
      for (; j < columns; ++j) {
        float sum = from[j];
        if (bias != nullptr) sum += bias[j];
        to[j] = add ? sum + to[j] : sum;
      }
    }
  }

 private:
  using Vector = hn::Vec<Floats>;

  struct Pair {
    Vector low;
    Vector high;
  };

  // f of 32 values, of which the first `count` are there and the rest zeros; f(0) is 0.
  static HWY_INLINE Pair Load(const float* in, int64_t count, std::optional<Activation> f) {
    Pair values;
    if (count >= 32) {
      values = {hn::LoadU(Floats(), in), hn::LoadU(Floats(), in + 16)};
    } else {
      const auto there = static_cast<uint32_t>((uint64_t{1} << std::max<int64_t>(count, 0)) - 1);
      values.low.raw = _mm512_maskz_loadu_ps(static_cast<__mmask16>(there), in);
      values.high.raw = _mm512_maskz_loadu_ps(static_cast<__mmask16>(there >> 16), in + 16);
    }
    if (f) {
      HWY_ALIGN float part[32];
      hn::Store(values.low, Floats(), part);
      hn::Store(values.high, Floats(), part + 16);
      ActivationRange(*f, 32, part, part);
      values = {hn::Load(Floats(), part), hn::Load(Floats(), part + 16)};
    }
    return values;
  }

  // Rounded to nearest even, `low` first.
  static HWY_INLINE void StoreTwo(Vector low, Vector high, uint16_t* to) {
    __m512i both;
    asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(high.raw), "v"(low.raw));
    _mm512_storeu_si512(to, both);
  }

  // Lane by lane: even, odd.
  static HWY_INLINE void StorePairs(Vector even, Vector odd, uint16_t* to) {
    __m512i both;
    asm("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(odd.raw), "v"(even.raw));
    const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(both));
    const __m512i high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }

  // 16 x 16 pairs; strides in elements of 2 bytes.
  static void Transpose(const uint16_t* in, int64_t in_stride, uint16_t* out, int64_t out_stride) {
    __m512i r[16];
    __m512i t[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(in + i * in_stride);
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
      t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
      t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
      t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
      r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
      r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
      r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) _mm512_storeu_si512(out + i * out_stride, r[i]);
  }

  // Blocks of 16 x 16: kRows x kColumns of them.
  template <int kRows, int kColumns>
  static void Multiply(int64_t depth, const uint16_t* a, const uint16_t* b, float* sums) {
    const int64_t padded = PaddedDepth(depth);
    const int64_t a_bytes = padded * 2;
    const int64_t b_bytes = kTileColumns * 4;
    asm volatile("tilezero %%tmm0\n tilezero %%tmm1\n tilezero %%tmm2\n tilezero %%tmm3" :::);
    for (int64_t k = 0; k < padded; k += 32) {
      const uint16_t* a0 = a + k;
      const uint16_t* b0 = b + k * kTileColumns;
      asm volatile("tileloadd (%0,%1,1), %%tmm4" ::"r"(a0), "r"(a_bytes) : "memory");
      asm volatile("tileloadd (%0,%1,1), %%tmm6" ::"r"(b0), "r"(b_bytes) : "memory");
      asm volatile("tdpbf16ps %%tmm6, %%tmm4, %%tmm0" ::);
      if constexpr (kColumns == 2) {
        asm volatile("tileloadd (%0,%1,1), %%tmm7" ::"r"(b0 + 32), "r"(b_bytes) : "memory");
        asm volatile("tdpbf16ps %%tmm7, %%tmm4, %%tmm1" ::);
      }
      if constexpr (kRows == 2) {
        const uint16_t* a1 = a0 + kRegister * padded;
        asm volatile("tileloadd (%0,%1,1), %%tmm5" ::"r"(a1), "r"(a_bytes) : "memory");
        asm volatile("tdpbf16ps %%tmm6, %%tmm5, %%tmm2" ::);
        if constexpr (kColumns == 2) asm volatile("tdpbf16ps %%tmm7, %%tmm5, %%tmm3" ::);
      }
    }
    asm volatile("tilestored %%tmm0, (%0,%1,1)" ::"r"(sums), "r"(b_bytes) : "memory");
    if constexpr (kColumns == 2) {
      asm volatile("tilestored %%tmm1, (%0,%1,1)" ::"r"(sums + 16), "r"(b_bytes) : "memory");
    }
    if constexpr (kRows == 2) {
      float* below = sums + kRegister * kTileColumns;
      asm volatile("tilestored %%tmm2, (%0,%1,1)" ::"r"(below), "r"(b_bytes) : "memory");
      if constexpr (kColumns == 2) {
        asm volatile("tilestored %%tmm3, (%0,%1,1)" ::"r"(below + 16), "r"(b_bytes) : "memory");
      }
    }
  }
};
#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace masr
HWY_AFTER_NAMESPACE();

#endif  // MOBILEASR_KERNELS_SIMD_MATMUL_BF16_INL_H_
