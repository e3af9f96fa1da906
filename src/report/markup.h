// Text and numbers as HTML and SVG take them, and as people read them.
#ifndef MOBILEASR_REPORT_MARKUP_H_
#define MOBILEASR_REPORT_MARKUP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace masr {

// For element content and quoted attributes of XML and HTML alike: & < > " ' are escaped; what is
// not UTF-8 or not allowed in XML becomes U+FFFD. Longer texts than `max_code_points` end in "...":
// a record may hold any amount of text, a report should not.
std::string Escaped(std::string_view text, size_t max_code_points = 400);

// A coordinate: at most one decimal, whatever the locale. What is not finite becomes 0, what is
// outside of +-1e6 is moved there.
std::string Coordinate(double value);

// "28.4"; "-" if it is not finite. The decimal separator is a point.
std::string Fixed(double value, int decimals);
// "12,345".
std::string Grouped(int64_t value);
// "131 MB", "1.25 GB": powers of 1000.
std::string Bytes(double bytes);
// "40 s", "12 min", "3 h 5 min".
std::string Duration(double seconds);
// "28.4 %".
std::string Percent(double value);
// "1 round", "2 rounds".
std::string Count(int64_t n, std::string_view one, std::string_view many);

}  // namespace masr

#endif  // MOBILEASR_REPORT_MARKUP_H_
