#include "tests/support/steady_link.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

// Prints what a steady link costs beyond its ideal time, in virtual time: rates by depths by sizes,
// writes and reads. Exit status 1 when a row has an error, an abort, or more than 1.3 times the
// ideal.
namespace {

using iscsi::test::steady_load;
using iscsi::test::steady_outcome;

constexpr std::uint64_t kib = 1024;
constexpr double most = 1.3;

struct choice {
    std::vector<std::uint64_t> rates{100 * kib, 2048 * kib, 10240 * kib};
    std::vector<unsigned> depths{1, 32, 128};
    std::vector<std::uint32_t> sizes{4 * kib, 1024 * kib, 4096 * kib};
};

bool is_fine(const steady_outcome& outcome) {
    return outcome.errors == 0 && outcome.aborts == 0 && outcome.logins == 0 &&
           outcome.broken_rules == 0 && outcome.ratio() <= most;
}

// Small commands twice as many as fit, so that the row is refilled.
bool print_row(steady_load load) {
    load.commands = std::max(4U, load.size < 1024 * kib ? 2 * load.depth : load.depth);
    const auto outcome = iscsi::test::run_steady(load);
    std::printf(
        "%s  %9.1f s, ideal %9.1f s: x %4.2f  %u errors, %llu aborts, %llu logins%s\n",
        iscsi::test::name_of(load).c_str(),
        outcome.seconds,
        outcome.ideal,
        outcome.ratio(),
        outcome.errors,
        static_cast<unsigned long long>(outcome.aborts),
        static_cast<unsigned long long>(outcome.logins),
        is_fine(outcome) ? "" : "  <--"
    );
    std::fflush(stdout);
    return is_fine(outcome);
}

bool print_matrix(const choice& of) {
    bool fine = true;
    for (const auto rate : of.rates)
        for (const auto depth : of.depths)
            for (const auto size : of.sizes)
                for (const bool writes : {true, false})
                    fine = print_row({rate, depth, size, writes, 1}) && fine;
    return fine;
}

} // namespace

int main(int argc, char** argv) {
    choice of;
    CLI::App app("what a steady link costs, in virtual time");
    app.add_option("--rate", of.rates, "bytes a second");
    app.add_option("--depth", of.depths);
    app.add_option("--size", of.sizes, "bytes of a command");
    CLI11_PARSE(app, argc, argv);
    return print_matrix(of) ? 0 : 1;
}
