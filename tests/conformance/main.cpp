#include "tests/conformance/report.hpp"

#include <iostream>

// Runs the suites quietly and prints the report; gtest's options choose tests (--gtest_filter).
int main(int count, char** words) {
    testing::GTEST_FLAG(brief) = true; // only failures
    testing::InitGoogleTest(&count, words);
    iscsi::test::hand_over_to_gtest();
    const auto status = RUN_ALL_TESTS();
    iscsi::test::print_report(std::cout);
    return status;
}
