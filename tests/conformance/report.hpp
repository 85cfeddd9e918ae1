#pragma once

#include "tests/conformance/suite.hpp"

#include <iosfwd>

namespace iscsi::test {

// Hands every registered test to gtest as SUITE.number_part.
void hand_over_to_gtest();

// One line for each number in the laboratory's order: "PASS FFP 16.2.4 title", "FAIL …",
// "N/A FFP 7.1 title: reason", or "SKIP …" when a filter left it out.
void print_report(std::ostream& to);

} // namespace iscsi::test
