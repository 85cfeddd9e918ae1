#pragma once

#include "iscsid/disk/fuse_abi.hpp"
#include "iscsid/lane/request.hpp"

#include "libiscsi/scsi/logical_unit.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

// What a request of the kernel asks of a LUN, by whatever way it comes. All pure.
namespace iscsid::disk::fuse {

// A request without the way that it came by.
struct request {
    std::uint32_t opcode = 0;
    std::uint64_t node = 0;  // inode number
    iscsi::bytes_view body;  // the structure of the operation; more may follow
    std::size_t payload = 0; // bytes of data that came with a WRITE
};

// What becomes of a request: one of the three.
struct verdict {
    enum class kind : std::uint8_t {
        refusal, // with `error`
        answer,  // at once, with the first `size` bytes of `bytes`
        command, // `asked` goes to the LUN, with a buffer of its `length` for READ and WRITE
    };

    kind what = kind::refusal;
    int error = 0; // positive errno
    std::size_t size = 0;
    std::array<std::byte, sizeof(fuse_attr_out)> bytes{}; // the largest of the small answers
    lane::block_request asked;
};

verdict refusal(int error);
verdict answer(iscsi::bytes_view bytes = {});

// Of everything but INIT. `largest`: bytes of the largest READ or WRITE that was agreed on.
verdict judge(const request& what, const scsi::logical_unit& lun, std::uint32_t largest);

// What the kernel gets for a WRITE that has succeeded.
fuse_write_out written(std::size_t length);

// Those that nobody waits for: a reply would be an error.
bool wants_no_reply(std::uint32_t opcode);

// How an errno is told: anything that the kernel would refuse becomes EIO.
std::int32_t error_of_reply(int error);

} // namespace iscsid::disk::fuse
