#include "iscsid/disk/fuse_requests.hpp"

#include "iscsid/disk/fuse_answers.hpp"

#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>

namespace iscsid::disk::fuse {

namespace {

verdict command(const lane::block_request& asked) {
    verdict given;
    given.what = verdict::kind::command;
    given.asked = asked;
    return given;
}

bool inside(const scsi::logical_unit& lun, std::uint64_t offset, std::uint64_t length) {
    return offset <= lun.size() && length <= lun.size() - offset;
}

// The loop device keeps its requests to whole blocks, and answer_init() those that FUSE makes of
// them; a request of somebody who opened the file itself may be anything, as with O_DIRECT.
bool whole_blocks(const scsi::logical_unit& lun, std::uint64_t offset, std::uint64_t length) {
    return length > 0 && offset % lun.block_size == 0 && length % lun.block_size == 0;
}

verdict judge_read(const request& what, const scsi::logical_unit& lun, std::uint32_t largest) {
    const auto wanted = read_as<fuse_read_in>(what.body);
    if (!wanted || wanted->size > largest)
        return refusal(EINVAL);
    if (wanted->offset >= lun.size())
        return answer(); // end of file
    const std::uint64_t length = std::min<std::uint64_t>(wanted->size, lun.size() - wanted->offset);
    if (!whole_blocks(lun, wanted->offset, length))
        return refusal(EINVAL);
    return command(
        {.op = lane::operation::read, .offset = wanted->offset, .length = length, .buffer = {}}
    );
}

verdict judge_write(const request& what, const scsi::logical_unit& lun, std::uint32_t largest) {
    const auto wanted = read_as<fuse_write_in>(what.body);
    if (!wanted || what.payload != wanted->size || wanted->size > largest)
        return refusal(EINVAL);
    if (lun.read_only)
        return refusal(EROFS);
    if (!inside(lun, wanted->offset, wanted->size))
        return refusal(ENOSPC);
    if (!whole_blocks(lun, wanted->offset, wanted->size))
        return refusal(EINVAL);
    return command(
        {.op = lane::operation::write,
         .offset = wanted->offset,
         .length = wanted->size,
         .buffer = {}}
    );
}

verdict judge_fallocate(const request& what, const scsi::logical_unit& lun) {
    const auto wanted = read_as<fuse_fallocate_in>(what.body);
    if (!wanted)
        return refusal(EINVAL);
    if (lun.read_only)
        return refusal(EROFS);
    const std::uint32_t mode = wanted->mode & ~std::uint32_t{FALLOC_FL_KEEP_SIZE};
    const bool punch = mode == FALLOC_FL_PUNCH_HOLE && may_punch_holes(lun);
    const bool zero = mode == FALLOC_FL_ZERO_RANGE && may_zero_ranges(lun);
    if (!punch && !zero)
        return refusal(EOPNOTSUPP);
    if (!inside(lun, wanted->offset, wanted->length))
        return refusal(ENOSPC);
    if (!whole_blocks(lun, wanted->offset, wanted->length))
        return refusal(EINVAL);
    return command(
        {.op = lane::operation::write_zeroes,
         .may_unmap = punch,
         .offset = wanted->offset,
         .length = wanted->length,
         .buffer = {}}
    );
}

} // namespace

verdict refusal(int error) {
    verdict given;
    given.error = error;
    return given;
}

verdict answer(iscsi::bytes_view bytes) {
    verdict given;
    given.what = verdict::kind::answer;
    given.size = bytes.size();
    std::ranges::copy(bytes, given.bytes.begin());
    return given;
}

verdict judge(const request& what, const scsi::logical_unit& lun, std::uint32_t largest) {
    if (what.node != FUSE_ROOT_ID)
        return refusal(ESTALE);
    switch (what.opcode) {
    case FUSE_READ:
        return judge_read(what, lun, largest);
    case FUSE_WRITE:
        return judge_write(what, lun, largest);
    case FUSE_FSYNC:
        return command({.op = lane::operation::flush, .buffer = {}});
    case FUSE_FALLOCATE:
        return judge_fallocate(what, lun);
    case FUSE_GETATTR:
        return answer(bytes_of(attributes(lun)));
    case FUSE_STATFS:
        return answer(bytes_of(statistics(lun)));
    case FUSE_OPEN:
        return answer(bytes_of(opened()));
    case FUSE_ACCESS:
    case FUSE_FLUSH: // of one descriptor that is closed, not of the disk
    case FUSE_RELEASE:
    case FUSE_DESTROY:
        return answer();
    case FUSE_SETATTR: // neither size nor mode of a LUN can be set
        return refusal(EPERM);
    case FUSE_LOOKUP: // the root is a file: there is nothing below it
    case FUSE_OPENDIR:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
    case FUSE_RELEASEDIR:
    case FUSE_FSYNCDIR:
        return refusal(ENOTDIR);
    default:
        return refusal(ENOSYS);
    }
}

fuse_write_out written(std::size_t length) {
    fuse_write_out done{};
    done.size = static_cast<std::uint32_t>(length);
    return done;
}

bool wants_no_reply(std::uint32_t opcode) {
    return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT ||
           opcode == FUSE_NOTIFY_REPLY;
}

std::int32_t error_of_reply(int error) {
    return error >= 0 && error <= largest_error ? -error : -EIO;
}

} // namespace iscsid::disk::fuse
