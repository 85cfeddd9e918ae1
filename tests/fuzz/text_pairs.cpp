// Text keys: what was read is written and read again the same.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/base/text.hpp"

void fuzz_one(iscsi::bytes_view input) {
    if (const auto pairs = iscsi::parse_text(input, 8192); pairs.has_value())
        expect(
            iscsi::parse_text(bytes_of(iscsi::format_text(*pairs)), 8192) == pairs, "round trip"
        );
}
