#pragma once

#include "tests/support/gathered_output.hpp"

#include "libiscsi/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace iscsi::test {

struct disk_options {
    std::uint64_t size = 16U << 20U;
    std::uint32_t block_size = 512;
    std::string vendor = "TEST";
    std::string product = "MEMORY DISK";
    std::string revision = "1";
    std::string serial = "memory-0001";
    bool write_cache = true;
    bool loses_cache = false; // at a power cut; else the medium is as good as the cache
    bool thin = true;
    bool reads_zeroes = true; // LBPRZ: unmapped blocks
    bool read_only = false;
    bool has_caching_page = true;       // else MODE SENSE knows none
    bool takes_flushes = true;          // else SYNCHRONIZE CACHE is no command
    std::uint32_t longest_transfer = 0; // blocks, told in the block limits page; 0: no limit
    std::uint8_t device_type = 0;       // 0: direct access block device
    std::vector<std::uint8_t> unsupported = {}; // operation codes that are refused
    std::vector<std::uint8_t> vital_pages{0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2};
    bool binary_designator = false;   // calls the T10 designator binary, though it is text
    bool one_byte_allocation = false; // reads byte 4 only of INQUIRY's allocation length
};

using cdb_bytes = std::array<std::byte, 16>;

struct scsi_answer {
    std::uint8_t status = 0;
    std::vector<std::byte> sense;
    std::vector<std::byte> data;
    std::size_t zeros = 0; // bytes in place of data, of a device that has none to copy

    bytes_view content() const { return zeros == 0 ? bytes_view(data) : zero_bytes(zeros); }

    static scsi_answer good(std::vector<std::byte> data = {}) {
        return {0, {}, std::move(data), 0};
    }

    static scsi_answer check_condition(std::uint8_t key, std::uint8_t asc, std::uint8_t ascq);
};

// A direct access block device in memory (SPC-4, SBC-3), written against the standards and not
// against this project's own SCSI code, so that each is a check of the other.
class memory_disk {
  public:
    explicit memory_disk(disk_options options);

    // `data_out` holds what the initiator sent; a command takes the part that it needs.
    scsi_answer execute(const cdb_bytes& cdb, bytes_view data_out);

    std::vector<std::byte>& content() { return content_; }

    const disk_options& options() const { return options_; }

    // What the disk says of itself from now on; its size is that of the content, by resize(). The
    // unit attentions of a change are raised by the target.
    void change(const std::function<void(disk_options&)>& how) { how(options_); }

    void resize(std::uint64_t bytes);

    std::uint64_t flushes() const { return flushes_; }

    // Of the blocks that were written since the last flush, each keeps its new content or goes back
    // to that of the flush, as `keeps` says.
    void cut_power(const std::function<bool()>& keeps);

    // Tells lies: flushes and FUA bits are answered and not obeyed.
    void ignore_flushes() { ignores_flushes_ = true; }

  private:
    struct extent {
        std::uint64_t block = 0;
        std::uint64_t count = 0;
    };

    bool is_unsupported(std::uint8_t code) const;
    scsi_answer execute_in_service(const cdb_bytes& cdb, bytes_view data_out);
    scsi_answer inquiry(const cdb_bytes& cdb) const;
    scsi_answer vital_product_data(std::uint8_t page) const;
    scsi_answer read_capacity_10() const;
    scsi_answer read_capacity_16(const cdb_bytes& cdb) const;
    scsi_answer mode_sense(const cdb_bytes& cdb, bool ten) const;
    scsi_answer read(const extent& blocks) const;
    scsi_answer write(const extent& blocks, bytes_view data, bool is_durable = false);
    scsi_answer write_same(const cdb_bytes& cdb, const extent& blocks, bytes_view data);
    scsi_answer unmap(bytes_view data);
    scsi_answer synchronize(const extent& blocks);

    std::uint64_t block_count() const { return content_.size() / options_.block_size; }

    bool contains(const extent& blocks) const;
    void erase(const extent& blocks);
    void remember(const extent& blocks);
    void settle(const extent& blocks);

    disk_options options_;
    std::vector<std::byte> content_;
    std::map<std::uint64_t, std::vector<std::byte>> on_medium_; // where the cache has other bytes
    bool ignores_flushes_ = false;
    std::uint64_t flushes_ = 0;
};

} // namespace iscsi::test
