#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsi::metrics {

// OpenMetrics 1.0.0, and the text format 0.0.4 of Prometheus, which node_exporter's textfile
// collector takes: it has no units, knows counters by their full name only, and has no end.
enum class form : std::uint8_t { openmetrics, prometheus };

enum class family_type : std::uint8_t { counter, gauge, histogram, info, stateset };

// A name ends in its unit, if it has one; "_total" and "_info" belong to the samples.
struct family {
    std::string_view name;
    family_type type = family_type::gauge;
    std::string_view unit{}; // base units: "seconds", "bytes"
    std::string_view help{}; // one line
};

// Labels of a sample as they are written: escaped, and valid UTF-8 whatever they were.
class labels {
  public:
    labels() = default;
    labels(std::initializer_list<std::pair<std::string_view, std::string_view>> all);

    // These and one more. A name stands once.
    labels with(std::string_view name, std::string_view value) const;

    const std::string& text() const { return text_; }

  private:
    void add(std::string_view name, std::string_view value);

    std::string text_; // name="value",…
};

// Writes one exposition: begin() a family, then all of its samples, then the next family.
class exposition {
  public:
    explicit exposition(form how) : how_(how) {}

    void begin(const family& what);

    // Of a counter, a gauge, or 1 for a state or an info that holds.
    void sample(const labels& of, std::uint64_t value);

    // Of a histogram: `bounds` rise, in seconds; `counts` are those between two of them, with one
    // more for what is above the last.
    void histogram(
        const labels& of,
        const std::vector<double>& bounds,
        const std::vector<std::uint64_t>& counts,
        double sum
    );

    // The whole text; the last call.
    std::string finish();

  private:
    void line(std::string_view suffix, const labels& of, std::string_view value);

    form how_;
    family now_{};
    std::string text_;
};

} // namespace iscsi::metrics
