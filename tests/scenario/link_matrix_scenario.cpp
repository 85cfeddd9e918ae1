#include "tests/support/steady_link.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// A steady link, however slow, costs what its rate costs: no error, no abort, and at most 1.3 times
// the ideal time. The whole matrix is printed by tests/bench/link/run.
namespace iscsi::test {
namespace {

constexpr std::uint64_t kib = 1024;

class link_matrix : public testing::TestWithParam<steady_load> {};

TEST_P(link_matrix, costs_what_its_rate_costs) {
    const auto outcome = run_steady(GetParam());
    EXPECT_EQ(outcome.errors, 0U);
    EXPECT_EQ(outcome.aborts, 0U);
    EXPECT_EQ(outcome.logins, 0U);
    EXPECT_EQ(outcome.broken_rules, 0U);
    EXPECT_LE(outcome.ratio(), 1.3) << outcome.seconds << " s, ideal " << outcome.ideal << " s";
}

// Each rate, depth and size, with less data than the whole matrix moves.
std::vector<steady_load> short_matrix() {
    std::vector<steady_load> all;
    for (const std::uint64_t rate : {100 * kib, 2048 * kib, 10240 * kib})
        for (const bool writes : {true, false})
            for (const auto& [depth, size] :
                 {std::pair{1U, 4 * kib},
                  std::pair{1U, 4096 * kib},
                  std::pair{32U, 1024 * kib},
                  std::pair{128U, 4 * kib}})
                all.push_back(
                    {rate, depth, static_cast<std::uint32_t>(size), writes, std::max(depth, 4U)}
                );
    return all;
}

INSTANTIATE_TEST_SUITE_P(
    matrix,
    link_matrix,
    testing::ValuesIn(short_matrix()),
    [](const auto& info) {
        std::string name = name_of(info.param);
        std::erase_if(name, [](char c) { return c == ' ' || c == '/'; });
        return name;
    }
);

} // namespace

void PrintTo(const steady_load& load, std::ostream* out) {
    *out << name_of(load);
}

} // namespace iscsi::test
