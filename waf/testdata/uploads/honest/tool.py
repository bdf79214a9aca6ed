#!/usr/bin/env python3
import os, subprocess
def main():
    os.system("cat /etc/passwd")
    print("<?php echo 1 ?>", "<% x %>")
if __name__ == "__main__":
    main()
