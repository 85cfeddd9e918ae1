#pragma once

#include <cstdint>

// A program with this file among its sources counts what it allocates: operator new is replaced.
namespace test {

std::uint64_t allocations_of_this_thread();

} // namespace test
