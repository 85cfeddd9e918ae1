#pragma once

#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace iscsid::compat {

// A folder of sysfs, in which nobody can make a file, under a file system in memory that shows the
// same and has room for more. What it shows of the folder below are its own links, files and
// folders: links say the same and lead to the same place, files and folders are mounted, so that
// they are the kernel's in every respect. It ends with the object; a daemon that was killed leaves
// it as it was, and nobody who looks at it waits for anything.
class cover {
  public:
    // `source` is what stands in the table of mounts. Faults: no_sysfs, mount_failed.
    static iscsi::result<cover> lay(std::filesystem::path where, const std::string& source);

    cover(cover&& other) noexcept;
    cover& operator=(cover&&) = delete;
    cover(const cover&) = delete;
    cover& operator=(const cover&) = delete;
    ~cover();

    // Shows what is below now. Names that somebody else has made in the cover stay as they are.
    void mirror();

  private:
    enum class type : char { link, mounted_folder, mounted_file };

    // What is below, so that another one of the same name is noticed.
    struct shown {
        type is = type::link;
        std::uint64_t inode = 0;
        std::string text; // of a link

        friend bool operator==(const shown&, const shown&) = default;
    };

    using names = std::map<std::string, shown>;

    cover(std::filesystem::path where, os::descriptor below);
    names names_below() const;
    bool show(const std::string& name, const shown& what) const;
    void hide(const std::string& name, const shown& what) const;

    std::filesystem::path where_;
    os::descriptor below_;
    names shown_;
    bool is_laid_ = true;
};

} // namespace iscsid::compat
