#pragma once

#include "libiscsi/base/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// What each fuzz target defines: takes any bytes, must neither crash nor break what it expects.
void fuzz_one(iscsi::bytes_view input);

inline std::string_view text_of(iscsi::bytes_view input) {
    return {reinterpret_cast<const char*>(input.data()), input.size()};
}

inline iscsi::bytes_view bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline void expect(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}
