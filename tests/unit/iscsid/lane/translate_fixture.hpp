#pragma once

#include "iscsid/lane/translate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

// Disks of several kinds, and requests that are played through.
namespace iscsid::lane::test {

inline scsi::logical_unit plain_disk() {
    scsi::logical_unit unit;
    unit.block_count = 1 << 20;
    unit.block_size = 512;
    return unit;
}

inline scsi::logical_unit cached_disk() {
    auto unit = plain_disk();
    unit.write_cache_enabled = true;
    return unit;
}

inline scsi::logical_unit thin_disk() {
    auto unit = plain_disk();
    unit.thin = true;
    unit.can_unmap = true;
    unit.can_write_same_16_unmap = true;
    unit.can_write_same_10_unmap = true;
    unit.reads_zero_after_unmap = true;
    return unit;
}

inline block_request request_of(operation op, std::uint64_t offset = 0, std::uint64_t length = 0) {
    block_request request;
    request.op = op;
    request.offset = offset;
    request.length = length;
    return request;
}

// A request with a buffer of its own.
struct data_request {
    data_request(operation op, std::uint64_t offset, std::uint64_t length)
        : memory(length), request(request_of(op, offset, length)) {
        request.buffer = memory;
    }

    std::vector<std::byte> memory;
    block_request request;
};

// Plays a request through, every command succeeds; `refusing` ones are refused first.
struct played {
    std::vector<planned_command> commands;
    std::vector<unmap_list> lists;
    int error = -1;
};

inline bool refuses(const std::vector<optional_feature>& refusing, optional_feature what) {
    return std::ranges::find(refusing, what) != refusing.end();
}

inline played play(
    translator& how,
    const block_request& request,
    const std::vector<optional_feature>& refusing = {}
) {
    played result;
    request_progress progress;
    unmap_list list{};
    for (int i = 0; i < 10'000; ++i) {
        const next_step step = how.next(request, progress, list);
        if (const auto* end = std::get_if<request_end>(&step)) {
            result.error = end->error;
            return result;
        }
        const auto& command = std::get<planned_command>(step);
        if (refuses(refusing, command.uses)) {
            how.refuse(command.uses);
            continue;
        }
        result.commands.push_back(command);
        result.lists.push_back(list);
        progress.add(command);
    }
    ADD_FAILURE() << "a request without end";
    return result;
}

inline played play(const scsi::logical_unit& unit, const block_request& request) {
    translator how(unit);
    return play(how, request);
}

} // namespace iscsid::lane::test
