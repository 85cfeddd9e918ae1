#pragma once

#include "libiscsi/admin/file_lock.hpp"
#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_tree.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace iscsi::admin {

// How long a change waits for the lock, and a seam for tests: the file system to change.
struct change_options {
    // open-iscsi's: hundreds of callers may stand in line, each with its files to flush.
    static constexpr std::chrono::milliseconds lock_patience{30'000};

    std::chrono::milliseconds patience = lock_patience;
    file_system* files = nullptr; // nullptr: the real one
};

// One change of the record tree, under its lock. After each of its steps the disk holds either the
// old or the new state of a file, never a half.
// There is one at a time, in all processes: it holds the lock until its end. Each step is lasting
// when it returns; a fault in the middle leaves whole files, some of them old. What was made for a
// file that could not be put (its link, the folders above) goes again, as far as the disk lets it.
class record_change {
  public:
    // Creates the root if it must, takes the lock and clears what a dead writer left behind.
    // Faults: file_errc::lock_failed after `patience`, write_failed.
    static result<record_change> begin(const record_tree& tree, const change_options& how);

    // A text that is there already is not written again: a discovery mostly finds what it knows.
    result<void> put_file(const std::filesystem::path& file, std::string_view text);
    // A link of that name that leads elsewhere is replaced. For the file that is put next: a link
    // that is new goes again when that one fails.
    result<void> put_link(const std::filesystem::path& link, const std::filesystem::path& to);

    // And the folders above it that are empty then, but never a branch of the tree. A file that is
    // not there is fine.
    result<void> remove(const std::filesystem::path& file);

  private:
    record_change(record_tree tree, file_system& files, file_lock lock)
        : tree_(std::move(tree)), files_(&files), lock_(std::move(lock)) {}

    // New files wait in the branch where they belong: a rename stays in one file system even when
    // the branch is a link to another one.
    std::filesystem::path staged_for(const std::filesystem::path& file) const;
    result<void> clear_staged();
    template <class Make>
    result<void> put_name(const std::filesystem::path& name, Make make);
    result<void> undo(result<void> why);

    record_tree tree_;
    file_system* files_;
    file_lock lock_;
    std::vector<std::filesystem::path> made_; // folders and links, since a file was put
};

} // namespace iscsi::admin
