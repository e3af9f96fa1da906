// Force-included where the C++ library has no algorithms in std::ranges yet (Debian 12's Emscripten
// has libc++ 14): those that we use, by range-v3, from which the standard's came.
#pragma once
#ifdef __cplusplus
#include <range/v3/algorithm.hpp>

namespace std::ranges {
using ::ranges::adjacent_find;
using ::ranges::all_of;
using ::ranges::any_of;
using ::ranges::copy;
using ::ranges::count;
using ::ranges::count_if;
using ::ranges::equal;
using ::ranges::fill;
using ::ranges::find;
using ::ranges::find_if;
using ::ranges::for_each;
using ::ranges::is_sorted;
using ::ranges::lexicographical_compare;
using ::ranges::max_element;
using ::ranges::min;
using ::ranges::min_element;
using ::ranges::none_of;
using ::ranges::reverse;
using ::ranges::sort;
using ::ranges::stable_sort;
using ::ranges::transform;
using ::ranges::upper_bound;
}  // namespace std::ranges
#endif
