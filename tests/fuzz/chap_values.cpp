// CHAP binary values and numbers.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/core/login/chap.hpp"

void fuzz_one(iscsi::bytes_view input) {
    if (const auto value = iscsi::read_chap_binary(text_of(input)); value.has_value()) {
        expect(!value->empty() && value->size() <= iscsi::longest_chap_binary, "size");
        expect(iscsi::read_chap_binary(iscsi::format_chap_binary(*value)) == value, "round trip");
    }
    if (const auto number = iscsi::read_chap_number(text_of(input), 255); number.has_value())
        expect(*number <= 255, "range");
}
