#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <optional>

// The ladder of error handling (SAM-5 §7, RFC 7143 §11.5): what a function asks for that was
// refused, or not answered in time, is asked for with a wider one.
namespace iscsi {

// After the last one only the connection is left: session reinstatement ends every task (§6.3.5).
constexpr std::optional<task_management_function> wider_than(task_management_function tried) {
    switch (tried) {
    case task_management_function::abort_task:
    case task_management_function::abort_task_set:
    case task_management_function::clear_task_set:
        return task_management_function::logical_unit_reset;
    case task_management_function::logical_unit_reset:
        return task_management_function::target_warm_reset;
    case task_management_function::clear_aca:
    case task_management_function::target_warm_reset:
    case task_management_function::target_cold_reset:
    case task_management_function::task_reassign:
        break;
    }
    return std::nullopt;
}

static_assert(
    wider_than(*wider_than(task_management_function::abort_task)) ==
    task_management_function::target_warm_reset
);

} // namespace iscsi
