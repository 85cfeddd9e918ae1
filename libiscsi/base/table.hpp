#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

// Behaviour as a table: one row for each pair of a state and an event that leads somewhere. A row
// has `now`, the state in which it holds, and `what`, the event that it is about; the rest is its
// own. A reader sees all of it, a test can go over its rows, and a static_assert can hold single
// ones.
namespace iscsi {

// nullptr: that pair has no row, which by custom means that nothing changes.
template <class Row, std::size_t Size, class State, class Event>
constexpr const Row* find_row(const std::array<Row, Size>& table, State now, Event what) {
    for (const auto& row : table)
        if (row.now == now && row.what == what)
            return &row;
    return nullptr;
}

// No pair has two rows, of which the second would never count.
template <class Row, std::size_t Size>
constexpr bool has_one_row_each(const std::array<Row, Size>& table) {
    return std::all_of(table.begin(), table.end(), [&table](const Row& row) {
        return find_row(table, row.now, row.what) == &row;
    });
}

} // namespace iscsi
