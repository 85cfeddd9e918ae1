#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi {

// One "key=value" of a Login or Text PDU (RFC 7143 §6.1).
struct text_pair {
    std::string key;
    std::string value;

    friend bool operator==(const text_pair&, const text_pair&) = default;
};

// In the order of the wire; a key may stand twice, and what that means is for the reader (an error
// in a negotiation, a list in SendTargets).
using text_pairs = std::vector<text_pair>;

// The text as a text; what a key or a value means is checked above.
enum class text_errc {
    no_equals_sign = 1,
    bad_key_name,
    key_too_long,
    value_too_long,
    not_terminated
};

const char* category_name(text_errc);
std::string_view message_of(text_errc);

// Reads "key=value\0key=value\0…". Key names: 1–63 characters of the set of RFC 7143 §6.1;
// values: at most `longest_value` bytes. A missing last NUL is a fault.
// Empty entries (NULs in a row) are skipped: some targets count their padding as text.
// Values are kept as they are: they may hold "=", and what came from a target is not yet printable.
result<text_pairs> parse_text(bytes_view data, std::size_t longest_value = 8192);

// The same entry by entry, in the order of the text, for whoever can do with the good ones.
class text_reader {
  public:
    explicit text_reader(bytes_view text, std::size_t longest_value = 8192);

    // The next pair, or what is wrong with it; nothing at the end.
    std::optional<result<text_pair>> next();

    // That entry as it came.
    std::string_view raw() const { return raw_; }

  private:
    std::string_view rest_;
    std::string_view raw_;
    std::size_t longest_value_;
};

// The reverse; every pair ends with a NUL.
// Keys and values are ours: they hold no NUL.
std::string format_text(const text_pairs& pairs);

// The value of the first pair with that key, or nullptr.
const std::string* find_value(const text_pairs& pairs, std::string_view key);

} // namespace iscsi
